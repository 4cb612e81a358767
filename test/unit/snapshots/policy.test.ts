import { describe, expect, test } from 'vitest'
import { type Candidate, judge } from '../../../dist/core/features/snapshots/policy.js'
import type { PrunePolicy } from '../../../dist/core/features/snapshots/retention-types.js'
import { seededRandom } from '../../../dist/testing/manual-clock.js'

const NOW = Date.UTC(2026, 10, 21, 14, 30)
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const RULES = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const

/** A branch as it may have come about: runs of quick saves, long pauses, some of the future. */
function randomBranch(random: () => number): Candidate[] {
  let timestamp = NOW + (random() < 0.2 ? DAY_MS : 0)
  return Array.from({ length: Math.floor(random() * 60) }, () => {
    timestamp -= Math.floor(random() ** 4 * 40 * DAY_MS)
    const tags = random() < 0.2 ? ['good'] : []
    return random() < 0.1 ? { timestamp, tags, pinned: true } : { timestamp, tags }
  })
}

function randomPolicy(random: () => number): PrunePolicy {
  const rules = RULES.filter(() => random() < 0.4).map((rule) => [rule, Math.floor(random() * 6)] as const)
  const policy: PrunePolicy = { last: 0, ...Object.fromEntries(rules) }
  return { ...policy, ...(random() < 0.3 ? { withinMs: random() * 3 * DAY_MS } : {}), ...(random() < 0.5 ? { tags: ['good'] } : {}) }
}

describe('a retention policy', () => {
  test('over many branches: what it keeps it keeps again, rules only add, and no branch is emptied', () => {
    const random = seededRandom(7)
    for (let round = 0; round < 2_000; round++) {
      const [branch, policy] = [randomBranch(random), randomPolicy(random)]
      const kept = judge(branch, policy, NOW).filter(({ reasons }) => reasons.length > 0)
      const items = kept.map(({ item }) => item)
      expect(items.length > 0).toBe(branch.length > 0)
      expect(judge(items, policy, NOW).filter(({ reasons }) => reasons.length === 0)).toEqual([])
      const isCare = ({ pinned, timestamp }: Candidate): boolean => pinned === true || timestamp > NOW
      for (const item of branch.filter(isCare)) expect(items).toContain(item)
      const more = judge(branch, { ...policy, last: (policy.last ?? 0) + 3 }, NOW).filter(({ reasons }) => reasons.length > 0)
      const real = kept.filter(({ reasons }) => !reasons.includes('only one left'))
      for (const { item } of real) expect(more.map((one) => one.item)).toContain(item)
    }
  })

  test('keeps the newest of each period in which there is one, in UTC, weeks from Monday on', () => {
    const at = (text: string): Candidate => ({ timestamp: Date.parse(text), tags: [] })
    const branch = [
      '2026-11-21T14:10Z',
      '2026-11-21T14:05Z',
      '2026-11-16T00:00Z',
      '2026-11-15T23:59Z',
      '2026-01-01T00:00Z',
      '2021-01-03T12:00Z',
    ]
    const reasons = (policy: PrunePolicy): string[] => judge(branch.map(at), policy, NOW).map((one) => one.reasons.join())
    expect(reasons({ hourly: 2 })).toEqual(['hourly 2026-11-21T14', '', 'hourly 2026-11-16T00', '', '', ''])
    expect(reasons({ weekly: 9 })).toEqual(['weekly 2026-W47', '', '', 'weekly 2026-W46', 'weekly 2026-W01', 'weekly 2020-W53'])
    expect(reasons({ yearly: 1, daily: 1 })).toEqual(['daily 2026-11-21,yearly 2026', '', '', '', '', ''])
  })
})
