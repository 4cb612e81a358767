import { createReadStream } from 'node:fs'
import { addAbortSignal } from 'node:stream'

/** The bytes of a file, or of standard input for `-`. `what` is told at a terminal, where nothing else would say what to do. */
export function readInput(file: string, what: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  const stream = file === '-' ? process.stdin : createReadStream(file)
  if (file === '-' && process.stdin.isTTY) console.error(`${what}; Ctrl-D ends`)
  return signal === undefined ? stream : addAbortSignal(signal, stream)
}
