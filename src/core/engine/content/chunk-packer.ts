/** How chunks are compressed and inflated. */
export interface ChunkPacker {
  /** Proved to inflate to what was given; as it is (compression 0) where that would not pay. */
  pack(bytes: Uint8Array): Promise<{ readonly compression: number; readonly bytes: Uint8Array }>
  /** `corrupt` unless it gives exactly `plainLength` bytes. */
  decompress(compression: number, bytes: Uint8Array, plainLength: number): Promise<Uint8Array>
}
