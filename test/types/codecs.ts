// Codecs and compressions as options.

import {
  type Backend,
  type BuiltInCodec,
  type Codec,
  type Compression,
  type CompressionOption,
  openKv,
  openQueue,
  openSnapshots,
  type SnapshotInfo,
} from 'varve'
import { brotli } from 'varve/compression/brotli'
import { lz4 } from 'varve/compression/lz4'
import { zstd } from 'varve/compression/zstd'

export async function codecs(backend: Backend, own: Codec): Promise<void> {
  const names: readonly BuiltInCodec[] = ['json', 'structured', 'text', 'ndjson', 'bytes']
  for (const codec of [...names, own]) {
    await openQueue(backend, 'q', { codec })
    await openKv(backend, 'n', { codec })
    await openSnapshots(backend, { codec })
  }
  // @ts-expect-error no such codec
  await openKv(backend, 'n', { codec: 'yaml' })
  // @ts-expect-error a codec has decode
  await openKv(backend, 'n', { codec: { name: 'half', id: 3, encode: own.encode } })
}

export async function compressions(backend: Backend): Promise<string> {
  const modules: readonly Compression[] = [brotli, lz4, zstd]
  const options: readonly CompressionOption[] = ['none', 'zstd', { name: 'gzip', level: 9 }, lz4, { ...lz4, compress: (bytes) => bytes }]
  for (const compression of options) await openSnapshots(backend, { compression, compressions: modules })
  await openQueue(backend, 'q', { compression: 'lz4' })
  await openQueue(backend, 'q', { compression: { name: 'brotli', level: 5 } })
  // @ts-expect-error no such compression
  await openQueue(backend, 'q', { compression: 'best' })
  // @ts-expect-error a level is a number
  await openSnapshots(backend, { compression: { name: 'gzip', level: 'best' } })
  const { compression } = {} as SnapshotInfo
  return compression
}
