// The metrics by name, and the bounds of their buckets: the same whoever counts.

/** Seconds. */
export const LATENCY_SECONDS: readonly number[] = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** 64 bytes to 64 MiB. */
export const TRANSFER_SIZE_BYTES: readonly number[] = Array.from({ length: 11 }, (_, at) => 64 * 4 ** at)

export const METRICS = {
  requests: 'Requests to the backend, each attempt counted.',
  errors: 'Requests that failed, by the code of the error.',
  retries: 'Requests that were made again because the backend was unavailable.',
  latency: 'How long requests took.',
  transferSize: 'Bytes of data that requests carried.',
} as const
