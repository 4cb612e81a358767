// The primitives by web standards alone, shared by every runtime but Node. Compression streams cost more to set up than
// they save on small inputs, so those go through fflate; so does everything where the runtime has no streams.

import { loadPart } from '../core/base/load-part.js'

/** gzip or deflate. */
type Format = string

const FORMATS = ['none', 'gzip', 'deflate']

const STREAM_FROM_BYTES = 4096
/** The most that `getRandomValues` gives in one call. */
const RANDOM_CALL_BYTES = 65_536

/** WebAssembly from bytes is not to be had everywhere. */
export const noChecksum = undefined
/** Only Node has a comparison of its own. */
export const noComparison = undefined

export function webRandomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += RANDOM_CALL_BYTES) crypto.getRandomValues(bytes.subarray(at, at + RANDOM_CALL_BYTES))
  return bytes
}

export async function webSha256(bytes: Uint8Array, behind?: Uint8Array): Promise<Uint8Array> {
  const whole = behind === undefined ? bytes : join([behind, bytes], behind.length + bytes.length)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', whole as Uint8Array<ArrayBuffer>))
}

export function webHasCompression(name: string): boolean {
  return FORMATS.includes(name)
}

export async function webCompress(format: Format, bytes: Uint8Array, level?: number): Promise<Uint8Array> {
  const hasStreams = typeof CompressionStream !== 'undefined'
  const small = bytes.length < STREAM_FROM_BYTES || !hasStreams ? await loadSmall(hasStreams) : undefined
  if (small !== undefined) return small.compressSmall(format, bytes, level)
  const stream = new CompressionStream(format === 'gzip' ? 'gzip' : 'deflate-raw')
  return await pump(stream, bytes, Number.POSITIVE_INFINITY)
}

export async function webDecompress(format: Format, bytes: Uint8Array, plainLength: number): Promise<Uint8Array> {
  const hasStreams = typeof DecompressionStream !== 'undefined'
  const isSmall = plainLength < STREAM_FROM_BYTES && bytes.length < STREAM_FROM_BYTES
  const small = isSmall || !hasStreams ? await loadSmall(hasStreams) : undefined
  const plain =
    small !== undefined
      ? small.decompressSmall(format, bytes, plainLength)
      : await pump(new DecompressionStream(format === 'gzip' ? 'gzip' : 'deflate-raw'), bytes, plainLength)
  if (plain.length !== plainLength) throw new Error(`inflates to another length than ${plainLength} bytes`)
  return plain
}

/** Where there are streams this only saves time: a page that cannot fetch it any more does without. */
async function loadSmall(hasStreams: boolean): Promise<typeof import('./small-deflate.js') | undefined> {
  try {
    return await loadPart('compression', () => import('./small-deflate.js'))
  } catch (error) {
    if (hasStreams) return undefined
    throw error
  }
}

/** Sends the bytes through the stream; gives up as soon as more than `maxBytes` come out. */
async function pump(stream: CompressionStream | DecompressionStream, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const writer = stream.writable.getWriter()
  const written = Promise.all([writer.write(bytes as Uint8Array<ArrayBuffer>), writer.close()])
  // A failure shows on the reading side too; where reading stops early, the aborted write is nobody's business.
  written.catch(() => {})
  const reader = stream.readable.getReader()
  const parts: Uint8Array[] = []
  let total = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    total += next.value.length
    if (total > maxBytes) {
      reader.cancel().catch(() => {})
      throw new Error(`inflates to more than ${maxBytes} bytes`)
    }
    parts.push(next.value)
  }
  return join(parts, total)
}

function join(parts: readonly Uint8Array[], total: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  const whole = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
