// The part of a Workers R2 binding that Varve uses, by structure, so that no types of the platform are needed to compile.

/** What R2 tells of an object. */
export interface R2ObjectLike {
  readonly key: string
  readonly size: number
  readonly etag: string
}

/** An object with its content, or with the range that was asked for. */
export interface R2ObjectBodyLike extends R2ObjectLike {
  arrayBuffer(): Promise<ArrayBuffer>
}

/** One page of a listing; `cursor` is there when `truncated`. */
export interface R2ObjectsLike {
  readonly objects: readonly R2ObjectLike[]
  readonly truncated: boolean
  readonly cursor?: string
}

/** An `R2Bucket` of the Workers runtime (`env.BUCKET`), or anything that behaves like one. */
export interface R2BucketLike {
  head(key: string): Promise<R2ObjectLike | null>
  get(key: string, options?: { range?: { offset: number; length: number } }): Promise<R2ObjectBodyLike | null>
  /** null when `onlyIf` did not hold. */
  put(
    key: string,
    value: Uint8Array,
    options?: { onlyIf?: { etagMatches?: string; etagDoesNotMatch?: string } },
  ): Promise<R2ObjectLike | null>
  delete(keys: string[]): Promise<void>
  list(options?: { prefix?: string; startAfter?: string; cursor?: string }): Promise<R2ObjectsLike>
}
