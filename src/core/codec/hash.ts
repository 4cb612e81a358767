import { toHex } from '../base/bytes.js'
import { sha256 } from '#primitives'

export { sha256 }

/** SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return toHex(await sha256(bytes))
}
