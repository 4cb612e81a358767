// One JSON text a line, read as it comes: memory holds one chunk and one line, whatever the length of the input.

/** A line, or what is wrong with it. */
export type JsonLine = { readonly line: number /** In characters. */; readonly length: number } & (
  | { readonly value: unknown }
  | { readonly problem: string }
)

/** Longer lines are no records. */
const MAX_LINE_CHARS = 64 * 1024 * 1024

/** Lines end with \n or \r\n; empty ones are passed over. Line numbers begin at 1. */
export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<JsonLine> {
  let number = 0
  for await (const text of readLines(chunks)) {
    number++
    if (text.trim() !== '') yield parseLine(text, number)
  }
}

async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true })
    const lines = text.includes('\n') ? (rest + text).split('\n') : [rest + text]
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_CHARS) throw new Error(`a line has more than ${MAX_LINE_CHARS} characters: is the input NDJSON?`)
    yield* lines
  }
  rest += decoder.decode()
  if (rest !== '') yield rest
}

function parseLine(text: string, line: number): JsonLine {
  try {
    const value: unknown = JSON.parse(text)
    const { length } = text
    const isKept = !/-0|\d[eE]/.test(text) || comesBackEqual(value)
    return isKept ? { line, length, value } : { line, length, problem: 'holds -0 or a number out of range, which JSON cannot give back' }
  } catch (error) {
    return { line, length: text.length, problem: `is not JSON: ${(error as Error).message}` }
  }
}

/** -0 and numbers beyond the range parse, but cannot be written again. */
function comesBackEqual(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  return typeof value !== 'object' || value === null || Object.values(value).every(comesBackEqual)
}
