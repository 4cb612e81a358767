// The memory that frames are encoded in or read into, lent to one commit or block at a time: to get fresh memory costs more
// than to fill it.

/** Pieces are of multiples of this, so that one fits the next who asks for about as much. */
const GRAIN_BYTES = 256 * 1024
/** Larger pieces are not kept. */
const MOST_BYTES = 4 * 1024 * 1024
const MOST_SPARE = 2

/** The one that was given back last comes first. */
let spare: readonly Uint8Array[] = []

/** At least so many bytes, with anything in them; nobody else has them until they are given back. */
export function borrowMemory(bytes: number): Uint8Array {
  const found = spare.find(({ length }) => length >= bytes)
  if (found === undefined) return new Uint8Array(Math.ceil(Math.max(bytes, 1) / GRAIN_BYTES) * GRAIN_BYTES)
  spare = spare.filter((one) => one !== found)
  return found
}

/** Takes the memory behind `bytes`. Nobody may look into it any more. */
export function giveBackMemory(bytes: Uint8Array): void {
  if (bytes.buffer.byteLength <= MOST_BYTES) spare = [new Uint8Array(bytes.buffer), ...spare].slice(0, MOST_SPARE)
}
