// How sealed blobs begin. Apart from what opens them, because whoever reads plain blobs has to tell them.

const MAGIC = [0x56, 0x52, 0x56, 0x53, 0x45, 0x41, 0x4c] // VRVSEAL, then the format major

export function isSealedBlob(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, at) => bytes[at] === byte)
}

export function markSealedBlob(bytes: Uint8Array, major: number): void {
  bytes.set([...MAGIC, major])
}
