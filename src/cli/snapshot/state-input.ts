// What a save takes from a file or standard input: a value, or for bytes a stream of any length.

import { StorageError } from '../../core/base/errors.js'
import { readInput } from '../file-input.js'

export const STATE_CODECS = ['json', 'text', 'ndjson', 'bytes'] as const
export type StateCodec = (typeof STATE_CODECS)[number]

const WHAT: Readonly<Record<StateCodec, string>> = {
  json: 'a JSON text',
  text: 'a text',
  ndjson: 'one JSON text a line',
  bytes: 'any bytes',
}

export type StateInput = { readonly state: unknown } | { readonly stream: AsyncIterable<Uint8Array> }

/** `invalid` for what is not as `codec` says. */
export async function readState(file: string, codec: StateCodec, signal: AbortSignal): Promise<StateInput> {
  const input = readInput(file, WHAT[codec], signal)
  if (codec === 'bytes') return { stream: input }
  const text = await textOf(input, file)
  if (codec === 'text') return { state: text }
  if (codec === 'json') return { state: parse(text, 'the input', file) }
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/)
  return { state: text === '' ? [] : lines.map((line, i) => parse(line, `line ${i + 1}`, file)) }
}

async function textOf(input: AsyncIterable<Uint8Array>, file: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of input) chunks.push(chunk)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
  } catch (cause) {
    throw new StorageError('invalid', 'the input is no UTF-8; --codec bytes saves it as it is', { cause, facts: { file } })
  }
}

function parse(text: string, what: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StorageError('invalid', `${what} is not JSON: ${(cause as Error).message}`, { cause, facts: { file } })
  }
}
