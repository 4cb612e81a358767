// The zlib of Node where the runtime gives it without an import, which a bundler for pages could not resolve: Node itself,
// and Workers with Node compatibility.

type Run = (bytes: Uint8Array, options?: object) => Uint8Array

export interface NodeZlib {
  readonly brotliCompressSync: Run
  readonly brotliDecompressSync: Run
  /** Node 22.15 and later. */
  readonly zstdCompressSync?: Run
  readonly zstdDecompressSync?: Run
  readonly constants: Readonly<Record<string, number>>
}

interface WithModules {
  readonly process?: { getBuiltinModule?(name: string): unknown }
}

export function nodeZlib(): NodeZlib | undefined {
  return (globalThis as WithModules).process?.getBuiltinModule?.('node:zlib') as NodeZlib | undefined
}

/** A Buffer is not handed out: its methods differ from those of a Uint8Array. */
export function plainView({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** What stops a bomb; zlib wants one at least. */
export function capOf(plainLength: number): object {
  return { maxOutputLength: Math.max(1, plainLength) }
}
