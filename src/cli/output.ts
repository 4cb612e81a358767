// How results are printed: lines of JSON for programs, tables for people.

/** A column: its title, and how its cell is made from a row. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string | number
}

/** Rows under titles; columns of numbers are set to the right. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)))
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((line) => String(line[i]).length)))
  const isNumber = columns.map((_, i) => cells.length > 0 && cells.every((line) => typeof line[i] === 'number'))
  const format = (line: readonly (string | number)[]): string =>
    line
      .map((cell, i) => (isNumber[i] ? String(cell).padStart(widths[i] ?? 0) : String(cell).padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [columns.map(({ title }) => title), ...cells].map(format).join('\n')
}

/** One JSON text in one line. What JSON has no word for is written as text: bytes as base64, dates, bigints, maps and sets as lists. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, plain) ?? 'null'
}

/** The same, cut to `length` characters, on one line without control characters that a terminal would obey. */
export function formatCell(value: unknown, length = 80): string {
  const text = formatJson(value).replace(/[\u007f-\u009f]/g, '?')
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}

/** One line of JSON a row. */
export function printJsonLines(rows: Iterable<unknown>): void {
  for (const row of rows) console.log(formatJson(row))
}

/** Milliseconds since 1970 as ISO 8601. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString()
}
