// A codec turns values into bytes and back. Its id is stored with every record and blob, so that mixed data stays readable.

/** Whatever `JSON.parse` can give. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export interface Codec {
  /** As the user names it: `json`, `structured`, `yaml`. */
  readonly name: string
  /** For ever the same: 3-13 are yours. 0 is bytes as they are, 1 JSON, 2 structured, 14 text, 15 NDJSON. */
  readonly id: number
  /** Throws `invalid`, with the path in the value, for what would not come back equal. */
  encode(value: unknown): Uint8Array
  /** Throws `corrupt` for bytes that no `encode` made. The bytes are not kept. */
  decode(bytes: Uint8Array): unknown
}
