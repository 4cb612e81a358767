import { describe, expect, test } from 'vitest'
import { testCopy } from './copy.js'
import { mutants } from './mutants.js'

describe('broken code is found', () => {
  test('the tests that find it pass in a copy of the code as it is', async () => {
    // A whole folder is a stage of its own, which shows that it passes.
    const files = mutants.flatMap(({ tests }) => tests.filter((test) => !test.endsWith('/')))
    const { code, passed, failed, output } = await testCopy([], [...new Set(files)])
    expect({ code, failed }, output).toEqual({ code: 0, failed: [] })
    expect(passed).toBeGreaterThan(files.length)
  })

  for (const { name, patches, tests } of mutants) {
    test(name, async () => {
      const { code, failed, output } = await testCopy(patches, tests)
      expect(code, output).toBe(1)
      expect(failed.length, output).toBeGreaterThan(0)
    })
  }
})
