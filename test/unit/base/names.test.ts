import { seededRandom } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { escapeName, unescapeName } from '../../../dist/core/base/key.js'

/** Names that some file system, some database or some eye takes for the same. */
const ALIKE: readonly (readonly string[])[] = [
  ['a', 'A', 'ａ', 'Ａ', 'а', 'á', 'a\u0301'],
  ['é', 'e\u0301', 'É', 'E\u0301'],
  ['ß', 'ss', 'SS', 'ẞ', 'ſs'],
  ['i', 'I', 'ı', 'İ', 'i\u0307'],
  ['K', '\u212a', 'k'],
  ['ﬁ', 'fi', 'FI'],
  ['x', 'x ', 'x.', ' x', 'x\u00a0', 'x\u200b', 'x\u00ad'],
  ['..', '.', '/', '\\', '%2f', '%2e%2e', '..\u2215', '\u2024.'],
  ['con', 'CON', 'con.', 'CON.txt', 'nul', 'NUL', 'aux'],
]

/** As a careless medium compares. */
function folded(key: string): string {
  return key.normalize('NFKC').toLowerCase().normalize('NFKC')
}

function anyName(random: () => number): string {
  const parts = ALIKE.flat()
  const below = (limit: number): number => Math.floor(random() * limit)
  return Array.from({ length: 1 + below(4) }, () => {
    return below(3) > 0 ? (parts[below(parts.length)] as string) : String.fromCodePoint(1 + below(0xd7ff))
  }).join('')
}

describe('keys that names become', () => {
  test.each(ALIKE.map((names) => ({ names, first: names[0] })))(
    'stay apart for $first and what looks like it, also where case and composition are folded',
    ({ names }) => {
      expect(new Set(names.map((name) => folded(escapeName(name)))).size).toBe(names.length)
    },
  )

  test('are plain, one-to-one and in the order of the UTF-8 bytes, for 20 000 names', () => {
    const random = seededRandom(1)
    const names = [...new Set(Array.from({ length: 20_000 }, () => anyName(random)))]
    for (const name of names) {
      const key = escapeName(name)
      expect(key).toMatch(/^[0-9a-z\-_~]+$/)
      expect(unescapeName(key)).toBe(name)
    }
    const byBytes = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(names.map(escapeName).sort()).toEqual(byBytes.map(escapeName))
  })
})
