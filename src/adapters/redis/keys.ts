// Names in Redis. Everything of a store begins with its prefix; what lies beside a stream begins with the stream's key.

export class Keys {
  readonly prefix: string
  readonly blobIndex: string
  readonly blobExpiries: string
  readonly lockTokens: string

  constructor(prefix: string) {
    this.prefix = prefix
    this.blobIndex = `${prefix}blobs`
    this.blobExpiries = `${prefix}blobs:expiries`
    this.lockTokens = `${prefix}lock-tokens`
  }

  get blobPrefix(): string {
    return `${this.prefix}blob:`
  }

  blob(key: string): string {
    return this.blobPrefix + key
  }

  /** Of a batch that was made: by its write id, for a while. */
  batch(id: string): string {
    return `${this.prefix}batch:${id}`
  }

  lock(name: string): { readonly holders: string; readonly owners: string; readonly waiters: string } {
    const key = `${this.prefix}lock:${name}`
    return { holders: key, owners: `${key}:owners`, waiters: `${key}:waiters` }
  }

  channel(topic: string): string {
    return `${this.prefix}signal:${topic}`
  }
}
