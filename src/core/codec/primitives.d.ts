// What `#primitives` must export: the few things that each runtime does better natively than plain
// TypeScript would. One file a runtime in src/primitives; package.json chooses.

/** SHA-256 (FIPS 180-4) of the bytes, behind others if there are any: 32 bytes. */
export declare function sha256(bytes: Uint8Array, behind?: Uint8Array): Promise<Uint8Array>

/** SHA-256 of bytes that come one after another. Each `update` is awaited before the next, and before its bytes change. */
export interface Sha256Stream {
  update(bytes: Uint8Array): void | Promise<void>
  digest(): Promise<Uint8Array>
}

export declare function sha256Stream(): Promise<Sha256Stream>

/** Whether this runtime has the compression by itself: `none`, `gzip` and `deflate` everywhere, others here and there. */
export declare function hasCompression(name: string): boolean

/** Compresses with a format that it has (RFC 1950 is never used: `deflate` is raw, RFC 1951; `gzip` is RFC 1952; `lz4` one block). `level` is a hint. */
export declare function compress(name: string, bytes: Uint8Array, level?: number): Promise<Uint8Array>

/**
 * Inflates to exactly `plainLength` bytes. Stops as soon as the output would grow past it, so that a bomb
 * costs no more than what its header admits to. Throws a plain Error where the stream is damaged or its length differs.
 */
export declare function decompress(name: string, bytes: Uint8Array, plainLength: number): Promise<Uint8Array>

/** Whether both are the same bytes, where the runtime compares them faster than a loop would. */
export declare const compareBytes: ((a: Uint8Array, b: Uint8Array) => boolean) | undefined

/** `length` bytes from the runtime's cryptographic generator (any length). */
export declare function randomBytes(length: number): Uint8Array

/**
 * Makes what continues a CRC-32C (`crc` as inside the loop, not inverted) over `bytes[start, end)`; `tables` are
 * its 16 of slicing by 16, of 256 entries each. undefined where plain TypeScript is as good or nothing better is allowed.
 */
export declare const tableChecksum:
  | ((tables: Int32Array) => (bytes: Uint8Array, start: number, end: number, crc: number) => number)
  | undefined

/** AES-256-GCM (NIST SP 800-38D) under one key. A nonce is 12 bytes and is used once; `bound` is authenticated, not hidden. */
export interface Cipher {
  /** What was sealed is 16 bytes longer: its tag stands behind it. */
  seal(nonce: Uint8Array, plain: Uint8Array, bound: Uint8Array): Promise<Uint8Array>
  /** The same into memory of that length. */
  sealInto(nonce: Uint8Array, plain: Uint8Array, bound: Uint8Array, into: Uint8Array): Promise<void>
  /** undefined where key, nonce, bytes or `bound` are others than they were. */
  open(nonce: Uint8Array, sealed: Uint8Array, bound: Uint8Array): Promise<Uint8Array | undefined>
}

/** The cipher of a key of 32 bytes. This and what follows: `unsupported` in pages outside a secure context. */
export declare function aesGcm(key: Uint8Array): Promise<Cipher>

/** HKDF with SHA-256 (RFC 5869): 32 bytes. The key must not change afterwards. */
export declare function hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array): Promise<Uint8Array>

/** HMAC with SHA-256 (RFC 2104): 32 bytes. */
export declare function hmacSha256(key: Uint8Array, bytes: Uint8Array): Promise<Uint8Array>

/** PBKDF2 with HMAC-SHA-256 (RFC 8018): 32 bytes. `unsupported` where the runtime allows fewer iterations. */
export declare function pbkdf2Sha256(secret: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array>

/** Argon2id (RFC 9106): 32 bytes. `unsupported` where WebAssembly may not be compiled; `unavailable` where its code cannot be loaded. */
export declare function argon2id(
  secret: Uint8Array,
  salt: Uint8Array,
  cost: { readonly memoryKiB: number; readonly iterations: number; readonly parallelism: number },
): Promise<Uint8Array>
