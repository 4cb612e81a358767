// The codecs that not every program needs, loaded when one of them is chosen or first met in stored data.

import { bytesCodec } from './bytes.js'
import type { Codec } from './codec.js'
import { ndjsonCodec } from './ndjson.js'
import { structuredCodec } from './structured.js'
import { textCodec } from './text.js'

const CODECS: readonly Codec[] = [structuredCodec, textCodec, ndjsonCodec, bytesCodec]

/** undefined for another name. */
export function codecNamed(name: unknown): Codec | undefined {
  return CODECS.find((codec) => codec.name === name)
}

/** undefined for another id. */
export function codecWithId(id: number): Codec | undefined {
  return CODECS.find((codec) => codec.id === id)
}
