import { afterAll, describe, expect, test } from 'vitest'
import { tally } from '../tally.js'
import { LIMIT_MS, testCopy } from './copy.js'
import { mutants } from './mutants.js'

/** Full names of the tests that failed, by mutant. */
const found = new Map<string, readonly string[]>()
const begun = performance.now()
afterAll(() => {
  if (found.size === mutants.length)
    tally({ row: 'the harness itself', ran: mutants.length, found: found.size, ms: performance.now() - begun })
})

describe.concurrent('broken code is found', () => {
  for (const { name, patches, tests } of mutants) {
    test(name, async ({ expect }) => {
      const { code, failed, output } = await testCopy(patches, tests)
      expect(code, output).toBe(1)
      expect(failed.length, output).toBeGreaterThan(0)
      found.set(name, failed)
    })
  }
})

describe('code as it is', () => {
  test(
    'passes, in such a copy, each test that found a mutant',
    async () => {
      const names = [...new Set([...found.values()].flat())]
      const { code, passed, failed, output } = await testCopy([], [...new Set(mutants.flatMap(({ tests }) => tests))], names)
      expect({ code, failed }, output).toEqual({ code: 0, failed: [] })
      expect([...passed].sort()).toEqual(names.sort())
    },
    LIMIT_MS,
  )
})
