// One error class for all of Varve: the code says what the caller can do, the message ends with the facts.

/**
 * What a caller would act on differently:
 * `invalid` fix the call; `missing` it is not there; `unsupported` this backend cannot, the message names a way out;
 * `conflict` somebody else was first, read again; `fenced` a newer writer took over, stop; `closed` the handle or queue is closed;
 * `corrupt` stored bytes are damaged; `denied` no permission or somebody else holds it; `quota` no room; `unavailable` try again later.
 */
export type StorageErrorCode =
  | 'invalid'
  | 'missing'
  | 'unsupported'
  | 'conflict'
  | 'fenced'
  | 'closed'
  | 'corrupt'
  | 'denied'
  | 'quota'
  | 'unavailable'

export type Facts = Readonly<Record<string, unknown>>

export interface StorageErrorOptions {
  readonly cause?: unknown
  /** Name of the backend, as in `Backend.name`. */
  readonly backend?: string
  /** What was being done, as the user would call it: `append`, `put`, `openQueue`. */
  readonly operation?: string
  readonly key?: string
  /** Printed at the end of the message as `name=value` and kept on `error.facts`. */
  readonly facts?: Facts
}

const BRAND = 'varve.StorageError'

/** Every failure that Varve itself reports. Test for it with `isStorageError`, which also works across bundles. */
export class StorageError extends Error {
  readonly code: StorageErrorCode
  /** True when the same call may succeed later without any change (`unavailable`). */
  readonly retryable: boolean
  readonly backend: string | undefined
  readonly operation: string | undefined
  readonly key: string | undefined
  readonly facts: Facts
  readonly brand = BRAND

  constructor(code: StorageErrorCode, message: string, options: StorageErrorOptions = {}) {
    const facts: Record<string, unknown> = { ...(options.key === undefined ? {} : { key: options.key }), ...options.facts }
    super(message + formatFacts(facts), options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StorageError'
    this.code = code
    this.retryable = code === 'unavailable'
    this.backend = options.backend
    this.operation = options.operation
    this.key = options.key
    this.facts = options.facts ?? {}
  }
}

/** True for a StorageError of any copy of Varve in the program, of the given code when one is given. */
export function isStorageError(error: unknown, code?: StorageErrorCode): error is StorageError {
  if (typeof error !== 'object' || error === null || (error as { brand?: unknown }).brand !== BRAND) return false
  return code === undefined || (error as StorageError).code === code
}

function formatFacts(facts: Facts): string {
  const parts: string[] = []
  for (const [name, value] of Object.entries(facts)) {
    if (value !== undefined) parts.push(`${name}=${formatFact(value)}`)
  }
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

function formatFact(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
