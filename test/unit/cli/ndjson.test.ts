import { expect, test } from 'vitest'
import { readJsonLines } from '../../../dist/cli/ndjson.js'

async function linesOf(bytes: Uint8Array, chunkSize: number) {
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < bytes.length; i += chunkSize) yield bytes.subarray(i, i + chunkSize)
  }
  const lines = []
  for await (const line of readJsonLines(chunks())) lines.push(line)
  return lines
}

test('lines come out the same however the bytes are cut', async () => {
  const bytes = new TextEncoder().encode('{"a":"grün \u2028 ☂"}\r\n\n[1,2]\n"end"')
  const expected = [
    { line: 1, length: 17, value: { a: 'grün \u2028 ☂' } },
    { line: 3, length: 5, value: [1, 2] },
    { line: 4, length: 5, value: 'end' },
  ]
  for (const size of [1, 2, 3, 7, 1000]) expect(await linesOf(bytes, size)).toEqual(expected)
})

test('a line that is not JSON is told with its number, and the next one is read', async () => {
  const lines = await linesOf(new TextEncoder().encode('1\n{oops\n3\n'), 4)
  expect(lines[1]).toMatchObject({ line: 2, problem: expect.stringContaining('not JSON') })
  expect(lines[2]).toEqual({ line: 3, length: 1, value: 3 })
})

test('numbers that JSON cannot give back are no records', async () => {
  const lines = await linesOf(new TextEncoder().encode('{"x":-0}\n[1e999]\n1e3\n-0.5\n"-0"'), 100)
  expect(lines.map((line) => 'problem' in line)).toEqual([true, true, false, false, false])
})
