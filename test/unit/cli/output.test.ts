import { expect, test } from 'vitest'
import { formatBytes, formatCell, formatDuration, formatJson, formatTable, nameText, wrapText } from '../../../dist/cli/output.js'
import { segmentPicture } from '../../../dist/cli/segment-picture.js'

test('a table has its titles first and numbers to the right', () => {
  const rows = [
    { name: 'a', size: 5 },
    { name: 'longer', size: 1000 },
  ]
  const columns = [
    { title: 'name', cell: (row: (typeof rows)[number]) => row.name },
    { title: 'size', cell: (row: (typeof rows)[number]) => row.size },
  ]
  expect(formatTable(columns, rows)).toBe('name    size\na          5\nlonger  1000')
})

test('what JSON has no word for is written all the same', () => {
  const value = { n: 1n, bytes: Uint8Array.of(1, 2), map: new Map([['a', 1]]), set: new Set([1]), date: new Date(0) }
  expect(formatJson(value)).toBe('{"n":"1","bytes":"AQI=","map":[["a",1]],"set":[1],"date":"1970-01-01T00:00:00.000Z"}')
})

test('a cell is cut, and holds nothing that a terminal obeys', () => {
  expect(formatCell('x'.repeat(100), 10)).toHaveLength(10)
  expect(formatCell('\u001b[31m\u009b31m')).toBe('"\\u001b[31m?31m"')
})

test('a name is written as it is, and quoted only where it has to be', () => {
  expect(nameText('orders of 2026')).toBe('orders of 2026')
  expect(nameText('x'.repeat(50), 10)).toBe(`${'x'.repeat(9)}…`)
  expect(nameText('\u001b[31m"')).toBe('"\\u001b[31m\\""')
})

test('sizes, times and sentences are cut to what people read', () => {
  expect([0, 999, 1500, 123_456_789].map(formatBytes)).toEqual(['0 bytes', '999 bytes', '1.5 kB', '123 MB'])
  expect([5, 1500, 600_000, 10_800_000, 864_000_000].map(formatDuration)).toEqual(['5 ms', '1.5 s', '10.0 min', '3.0 h', '10.0 days'])
  expect(wrapText('one two three', 8)).toEqual(['one two', 'three'])
  expect(wrapText('a-long-word b', 4)).toEqual(['a-long-word', 'b'])
})

test('a table takes long texts below a row, and a dash for no number', () => {
  const columns = [{ title: 'n', cell: (row: number | '-') => row }]
  expect(formatTable(columns, [100, '-' as const], (row) => [`of ${row}`])).toBe('  n\n100\n    of 100\n  -\n    of -')
})

test('a bucket is drawn by bytes: dark where records are held, open at its end', () => {
  const segment = { name: 's', sequence: 0, base: 0, next: 10, records: 10, bytes: 100, isClosed: true, isMissing: false }
  const half = { ...segment, name: 't', records: 5 }
  expect(segmentPicture([segment, half], 10)).toBe('█████|▓▓▓▓')
  expect(segmentPicture([{ ...segment, isClosed: false }], 3)).toBe('███>')
})
