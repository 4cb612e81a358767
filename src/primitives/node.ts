// Node, and runtimes that speak its modules: `node:crypto` and `node:zlib`, whose work runs outside the main thread.

import { createHash, randomFillSync } from 'node:crypto'
import { deflateRaw, gunzip, gzip, inflateRaw } from 'node:zlib'
import { wasmChecksum } from './wasm-checksum.js'

/** Node without a compiler (`--jitless`) has no WebAssembly. */
export const tableChecksum = typeof WebAssembly === 'undefined' ? undefined : wasmChecksum

type Format = 'gzip' | 'deflate'
type Done = (error: Error | null, result: Buffer) => void

export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return plainView(createHash('sha256').update(bytes).digest())
}

export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length))
}

export function compress(format: Format, bytes: Uint8Array, level?: number): Promise<Uint8Array> {
  const options = level === undefined ? {} : { level }
  return settle((done) => (format === 'gzip' ? gzip(bytes, options, done) : deflateRaw(bytes, options, done)))
}

export async function decompress(format: Format, bytes: Uint8Array, plainLength: number): Promise<Uint8Array> {
  // zlib wants a cap of at least one; an empty output passes under it and is compared below.
  const options = { maxOutputLength: Math.max(1, plainLength) }
  const plain = await settle((done) => (format === 'gzip' ? gunzip(bytes, options, done) : inflateRaw(bytes, options, done)))
  if (plain.length !== plainLength) throw new Error(`inflates to ${plain.length} bytes, expected ${plainLength}`)
  return plain
}

function settle(start: (done: Done) => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(plainView(result)) : reject(error)))
  })
}

/** A Buffer is not handed out: its methods differ from those of a Uint8Array. */
function plainView(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}
