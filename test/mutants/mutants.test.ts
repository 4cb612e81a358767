import { afterAll, describe, expect, test } from 'vitest'
import { tally } from '../tally.js'
import { testCopy } from './copy.js'
import { mutants } from './mutants.js'

let found = 0
const begun = performance.now()
afterAll(() => {
  if (found === mutants.length) tally({ row: 'the harness itself', ran: mutants.length, found, ms: performance.now() - begun })
})

describe('broken code is found', () => {
  test('the tests that find it pass in a copy of the code as it is', async () => {
    const files = mutants.flatMap(({ tests }) => tests)
    const { code, passed, failed, output } = await testCopy([], [...new Set(files)])
    expect({ code, failed }, output).toEqual({ code: 0, failed: [] })
    expect(passed).toBeGreaterThan(files.length)
  })

  for (const { name, patches, tests } of mutants) {
    test(name, async () => {
      const { code, failed, output } = await testCopy(patches, tests)
      expect(code, output).toBe(1)
      expect(failed.length, output).toBeGreaterThan(0)
      found++
    })
  }
})
