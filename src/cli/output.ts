// How results are printed: lines of JSON for programs, tables for people.

/** A column: its title, and how its cell is made from a row. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string | number
}

/** Rows under titles; columns of numbers are set to the right. `below` gives lines that are too long for a column. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  below: (row: Row) => readonly string[] = () => [],
): string {
  return new GrowingTable(columns, below).format(rows).trimEnd()
}

/** Rows that come little by little: the columns never get narrower, and the titles stand above the first row. */
export class GrowingTable<Row> {
  readonly #columns: readonly Column<Row>[]
  readonly #below: (row: Row) => readonly string[]
  readonly #widths: number[]
  #isBegun = false

  constructor(columns: readonly Column<Row>[], below: (row: Row) => readonly string[] = () => []) {
    this.#columns = columns
    this.#below = below
    this.#widths = columns.map(({ title }) => title.length)
  }

  /** Whole lines. */
  format(rows: readonly Row[]): string {
    const cells = rows.map((row) => this.#columns.map(({ cell }) => cell(row)))
    for (const [i, width] of this.#widths.entries()) this.#widths[i] = Math.max(width, ...cells.map((line) => String(line[i]).length))
    const isNumber = this.#columns.map((_, i) => isNumeric(cells.map((line) => line[i])))
    const lines = rows.flatMap((row, i) => [this.#line(cells[i] ?? [], isNumber), ...this.#below(row).map((line) => `    ${line}`)])
    const titles = this.#columns.map(({ title }) => title)
    if (!this.#isBegun) lines.unshift(this.#line(titles, isNumber))
    this.#isBegun = true
    return lines.map((line) => `${line}\n`).join('')
  }

  #line(cells: readonly (string | number)[], isNumber: readonly boolean[]): string {
    const padded = cells.map((cell, i) => {
      const width = this.#widths[i] ?? 0
      return isNumber[i] ? String(cell).padStart(width) : String(cell).padEnd(width)
    })
    return padded.join('  ').trimEnd()
  }
}

/** `-` stands for none. */
function isNumeric(cells: readonly unknown[]): boolean {
  return cells.some((cell) => typeof cell === 'number') && cells.every((cell) => typeof cell === 'number' || cell === '-')
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

/** A name as it is, or its beginning; quoted where a terminal would obey something in it. */
export function nameText(name: string, length = 40): string {
  if (formatCell(name, Number.POSITIVE_INFINITY) !== `"${name}"`) return formatCell(name, length)
  return name.length > length ? `${name.slice(0, length - 1)}…` : name
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}

/** Milliseconds since 1970 as ISO 8601. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** For people: 1.5 MB. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}

/** For people: 1.5 s. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  const seconds = ms / 1000
  if (seconds < 120) return `${seconds.toFixed(1)} s`
  if (seconds < 2 * 3600) return `${(seconds / 60).toFixed(1)} min`
  return seconds < 2 * 86_400 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`
}

/** `1 record`, `2 records`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Words in lines of at most `width` characters; a longer word has a line of its own. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return line === '' ? lines : [...lines, line]
}

const MOST_WIDTH = 120

/** Of what people read. A terminal that does not know its width says 0. */
export function outputWidth(): number {
  return Math.min(MOST_WIDTH, terminalWidth() ?? MOST_WIDTH)
}

/** undefined where there is none, or it does not know. */
export function terminalWidth(): number | undefined {
  const { columns } = process.stdout
  return columns > 0 ? columns : undefined
}
