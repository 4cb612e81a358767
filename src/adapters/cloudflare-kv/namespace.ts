// The part of a Workers KV binding that Varve uses, by structure, so that no types of the platform are needed to compile.

/** One page of a listing; `cursor` is there unless `list_complete`. */
export interface KvListPageLike {
  readonly keys: readonly { readonly name: string; readonly metadata?: unknown }[]
  readonly list_complete: boolean
  readonly cursor?: string
}

/** A `KVNamespace` of the Workers runtime (`env.KV`), or anything that behaves like one. */
export interface KvNamespaceLike {
  getWithMetadata(key: string, type: 'arrayBuffer'): Promise<{ readonly value: ArrayBuffer | null; readonly metadata: unknown }>
  put(key: string, value: Uint8Array, options?: { expiration?: number; metadata?: unknown }): Promise<void>
  delete(key: string): Promise<void>
  list(options?: { prefix?: string; cursor?: string }): Promise<KvListPageLike>
}
