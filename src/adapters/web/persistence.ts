// What the browser says about the origin's storage as a whole.

export interface OriginStorage {
  /** True: it promised not to evict; false: it may; undefined: it does not say. */
  readonly persisted: boolean | undefined
  readonly quotaBytes: number | undefined
  readonly usedBytes: number | undefined
}

/** Never fails: what is not known is undefined. */
export async function originStorage(): Promise<OriginStorage> {
  const manager: StorageManager | undefined = globalThis.navigator?.storage
  const [persisted, estimate] = await Promise.all([
    manager?.persisted?.().catch(() => undefined),
    manager?.estimate?.().catch(() => undefined),
  ])
  return { persisted, quotaBytes: estimate?.quota, usedBytes: estimate?.usage }
}

/** The warnings that follow from it. */
export function evictionWarnings(origin: OriginStorage): readonly string[] {
  if (origin.persisted !== false) return []
  return ['the browser may evict this origin when space is short: ask for navigator.storage.persist()']
}
