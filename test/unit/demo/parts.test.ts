import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Analysis, differences, keyOf } from '../../../demo/analysis.mjs'
import { InputError, readValues } from '../../../demo/input.mjs'
import { OptionError, parseOptions } from '../../../demo/options.mjs'
import { bar } from '../../../demo/progress.mjs'
import { seededNumber } from '../../../demo/random.mjs'

const folder = mkdtempSync(join(tmpdir(), 'varve-demo-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function inputOf(name: string, text: string, skipBadLines = false) {
  const path = join(folder, name)
  writeFileSync(path, text)
  return { path, format: name.endsWith('.csv') ? 'csv' : 'ndjson', skipBadLines }
}

async function valuesOf(input: ReturnType<typeof inputOf>) {
  const values: unknown[] = []
  const skipped: number[] = []
  for await (const value of readValues(input, { onSkip: (...lines: number[]) => skipped.push(...lines) })) values.push(value)
  return { values, skipped }
}

test('CSV has a header line, and fields may hold commas, quotes and line ends', async () => {
  const { values } = await valuesOf(inputOf('a.csv', '\ufeffstate,city\nNY,"New, ""York""\nCity"\n'))
  expect(values).toEqual([{ state: 'NY', city: 'New, "York"\nCity' }])
})

test('a bad line is an error with its number, or passed over and counted', async () => {
  await expect(valuesOf(inputOf('b.ndjson', '{"a":1}\n{bad\n'))).rejects.toThrow(/line 2 .*\n--skip-bad-lines/)
  await expect(valuesOf(inputOf('b.csv', 'a,b\n1,2\n3\n'))).rejects.toThrow(/line 3\n--skip-bad-lines/)
  expect(await valuesOf(inputOf('c.ndjson', '{"a":1}\n{bad\n2\n', true))).toEqual({ values: [{ a: 1 }, 2], skipped: [2] })
  expect(await valuesOf(inputOf('c.csv', 'a,b\n1,2\n3\n4,5\n', true))).toMatchObject({ values: [{ a: '1' }, { a: '4' }], skipped: [3] })
})

test('an input that is not there says so', async () => {
  const missing = { path: join(folder, 'nothing.ndjson'), format: 'ndjson', skipBadLines: false }
  await expect(valuesOf(missing)).rejects.toThrow(InputError)
})

test('an analysis differs from one with a record more, less or changed, and goes on from its own state', () => {
  const records = [{ state: 'NY', latitude: '1.5' }, { state: 'AK', latitude: '2' }, { latitude: 'x' }]
  const fold = (values: readonly object[], begun = new Analysis('latitude')) => {
    for (const value of values) begun.add(keyOf(value, 'state'), value)
    return begun
  }
  const whole = fold(records)
  const half = fold(records.slice(0, 1))
  expect(differences(whole, fold(records.slice(1), new Analysis('latitude', half.state())))).toEqual([])
  expect(differences(whole, half)).toHaveLength(2)
  expect(differences(half, whole)).toHaveLength(2)
  expect(differences(whole, fold([records[0], records[0], ...records.slice(1)] as object[]))).toHaveLength(1)
  expect(differences(half, fold([{ state: 'NY', latitude: '1.5', more: 1 }]))).toHaveLength(1)
})

test('options have defaults and refuse what makes no sense', () => {
  expect(parseOptions([]).input).toMatchObject({ name: 'zipcodes.csv', format: 'csv', keyField: 'state', skipBadLines: false })
  expect(parseOptions(['--input', '-', '--seed', '7'])).toMatchObject({ seed: 7, input: { name: 'standard input', format: 'ndjson' } })
  for (const words of [['--seed', 'x'], ['--seed', '-1'], ['--format', 'xml'], ['--what'], ['loose']]) {
    expect(() => parseOptions(words)).toThrow(OptionError)
  }
})

test('a seed decides its number, from 1 to the most', () => {
  const numbers = Array.from({ length: 200 }, (_, seed) => seededNumber(seed, 10))
  expect(numbers).toEqual(Array.from({ length: 200 }, (_, seed) => seededNumber(seed, 10)))
  expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('a bar is never over its end', () => {
  expect(bar('append', 2)).toMatch(/100 %$/)
  expect(bar('append', -1)).toMatch(/ 0 %$/)
})
