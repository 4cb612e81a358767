import { expect, test } from 'vitest'
import { formatCell, formatJson, formatTable } from '../../../dist/cli/output.js'

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
