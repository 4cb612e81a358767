import { toHex } from '../base/bytes.js'
import { hmacSha256, sha256, sha256Stream as openSha256 } from '#primitives'

export { hmacSha256, sha256 }

/** SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return toHex(await sha256(bytes))
}

/** The same of bytes that come one after another. Each `update` is awaited before the next, and before its bytes change. */
export interface HashStream {
  update(bytes: Uint8Array): void | Promise<void>
  hex(): Promise<string>
}

/** `unavailable` where this runtime has to load code for it and cannot. */
export async function sha256Stream(): Promise<HashStream> {
  const hash = await openSha256()
  return { update: (bytes) => hash.update(bytes), hex: async () => toHex(await hash.digest()) }
}
