declare namespace Cloudflare {
  interface Env {
    readonly BUCKET: R2Bucket
    readonly KV: KVNamespace
    /** The Worker without Node compatibility, and its bucket. */
    readonly PLAIN: Fetcher
    readonly PLAIN_BUCKET: R2Bucket
    /** The text of the playground's Worker as it would be deployed. */
    readonly WORKER_BUNDLE: string
  }
}
