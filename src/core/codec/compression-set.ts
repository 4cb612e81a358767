// What a store compresses with, and all that it can read: what the runtime has, and the modules that were passed.

import { equalBytes } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import {
  type CompressedBytes,
  type Compression,
  type CompressionLevel,
  type CompressionName,
  type CompressionOption,
  checkCompression,
  checkLevel,
  compressBytes,
  compressionId,
  compressionName,
  decompressBytes,
} from './compression.js'
import { compareBytes } from '#primitives'

export interface CompressionSet {
  /** What it compresses with. */
  readonly name: CompressionName
  /** As it is (id 0) where the bytes are fewer than 512 or would not shrink by a tenth. */
  compress(bytes: Uint8Array): Promise<CompressedBytes>
  /** The same, proved by inflating and comparing; `corrupt` where something else came back. */
  pack(bytes: Uint8Array): Promise<CompressedBytes>
  /** `corrupt` unless exactly `plainLength` bytes come out; `unsupported` names the module that is missing. */
  decompress(id: number, bytes: Uint8Array, plainLength: number): Promise<Uint8Array>
}

const areEqual = compareBytes ?? equalBytes

/** Unless a level is asked for: who saves waits for it, and higher ones gain a few per cent. */
const FAST: Partial<Record<CompressionName, number>> = { gzip: 1, deflate: 1, brotli: 1, zstd: 1 }

/**
 * Resolves the option `compression`; `more` are modules to read with, and to write with when `compression` names one.
 * Where both are there, a module goes before what the runtime has. `invalid` for what is no compression, `unsupported`
 * for a name that neither the runtime nor `more` has.
 */
export function chooseCompression(option: CompressionOption = 'gzip', more: readonly Compression[] = []): CompressionSet {
  const given = isModule(option) ? [option, ...more] : more
  const modules = new Map<CompressionName, Compression>()
  for (const module of given.map(checkModule)) if (!modules.has(module.name)) modules.set(module.name, module)
  const { name, level = FAST[name] } = isModule(option) ? ({ name: option.name } as CompressionLevel) : checkLevel(option)
  const module = modules.get(name)
  if (module === undefined) checkCompression(name)
  const compress = (bytes: Uint8Array): Promise<CompressedBytes> => compressBytes(name, bytes, level, module)
  const decompress: CompressionSet['decompress'] = async (id, bytes, plainLength) =>
    await decompressBytes(id, bytes, plainLength, modules.get(compressionName(id)))
  const pack = async (bytes: Uint8Array): Promise<CompressedBytes> => {
    const packed = await compress(bytes)
    if (packed.compression === 0 || areEqual(await decompress(packed.compression, packed.bytes, bytes.length), bytes)) return packed
    throw new StorageError('corrupt', 'what was compressed does not inflate to what it was made from; nothing was stored', {
      facts: { compression: name, bytes: bytes.length },
    })
  }
  return { name, compress, pack, decompress }
}

function isModule(option: unknown): option is Compression {
  return typeof option === 'object' && option !== null && typeof (option as Partial<Compression>).compress === 'function'
}

function checkModule(module: Compression): Compression {
  const { name, id, decompress } = isModule(module) ? module : ({} as Partial<Compression>)
  if (name !== undefined && id !== 0 && id === compressionId(name) && typeof decompress === 'function') return module
  const message = 'a compression is an object with name, the id that belongs to it, compress and decompress'
  throw new StorageError('invalid', message, { facts: { compression: String(name), id } })
}
