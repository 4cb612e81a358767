import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../../../../dist/core/base/bytes.js'
import { closingQuote } from '../../../../dist/core/engine/content/json-text.js'

const piece = fc.oneof(
  fc.constantFrom('"', '\\', '\\"', '\\\\', '\n', 'é', '😀'),
  fc.nat(70).map((length) => 'x'.repeat(length)),
)

test('a string ends at its own quote, however long it is and whatever is escaped in it', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(5), (pieces, before) => {
      const text = JSON.stringify(pieces.join(''))
      const bytes = utf8(`${'['.repeat(before)}${text},"next"`)
      expect(closingQuote(bytes, before)).toBe(before + utf8(text).length - 1)
    }),
    { numRuns: 2000 },
  )
})

test('a string that does not end goes past the end', () => {
  for (const text of ['"', `"${'x'.repeat(100)}`, `"${'x'.repeat(30)}\\"`, `"${'x'.repeat(100)}\\"`, '"\\']) {
    expect(closingQuote(utf8(text), 0)).toBe(utf8(text).length)
  }
})
