import { StorageError } from '../../core/base/errors.js'
import { readInput } from '../file-input.js'

/** The value that a file, or standard input, holds as JSON; `invalid` where it is none. */
export async function readState(file: string, signal: AbortSignal): Promise<unknown> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readInput(file, 'a JSON text', signal)) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StorageError('invalid', `the input is not JSON: ${(cause as Error).message}`, { cause, facts: { file } })
  }
}
