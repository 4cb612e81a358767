// What `#primitives` must export: the few things that each runtime does better natively than plain
// TypeScript would. One file a runtime in src/primitives; package.json chooses.

/** SHA-256 (FIPS 180-4) of the bytes, 32 bytes. */
export declare function sha256(bytes: Uint8Array): Promise<Uint8Array>

/** Whether this runtime has the compression by itself: `none`, `gzip` and `deflate` everywhere, others here and there. */
export declare function hasCompression(name: string): boolean

/** Compresses with a format that it has (RFC 1950 is never used: `deflate` is raw, RFC 1951; `gzip` is RFC 1952; `lz4` one block). `level` is a hint. */
export declare function compress(name: string, bytes: Uint8Array, level?: number): Promise<Uint8Array>

/**
 * Inflates to exactly `plainLength` bytes. Stops as soon as the output would grow past it, so that a bomb
 * costs no more than what its header admits to. Throws a plain Error where the stream is damaged or its length differs.
 */
export declare function decompress(name: string, bytes: Uint8Array, plainLength: number): Promise<Uint8Array>

/** `length` bytes from the runtime's cryptographic generator (any length). */
export declare function randomBytes(length: number): Uint8Array

/**
 * Makes what continues a CRC-32C (`crc` as inside the loop, not inverted) over `bytes[start, end)`; `tables` are
 * its 16 of slicing by 16, of 256 entries each. undefined where plain TypeScript is as good or nothing better is allowed.
 */
export declare const tableChecksum:
  | ((tables: Int32Array) => (bytes: Uint8Array, start: number, end: number, crc: number) => number)
  | undefined
