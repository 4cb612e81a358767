// The memory that frames are encoded in, lent to one commit at a time: to get fresh memory costs as much as to fill it.

const LEAST_BYTES = 256 * 1024
/** Larger pieces are not kept. */
const MOST_BYTES = 4 * 1024 * 1024

let spare: Uint8Array | undefined

/** At least so many bytes, with anything in them; nobody else has them until they are given back. */
export function borrowMemory(bytes: number): Uint8Array {
  const found = spare
  spare = undefined
  return found !== undefined && found.length >= bytes ? found : new Uint8Array(Math.max(bytes, LEAST_BYTES))
}

/** Takes the memory behind `bytes`. Nobody may look into it any more. */
export function giveBackMemory(bytes: Uint8Array): void {
  const { byteLength } = bytes.buffer
  if (byteLength > MOST_BYTES || (spare !== undefined && spare.length >= byteLength)) return
  spare = new Uint8Array(bytes.buffer)
}
