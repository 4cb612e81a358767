// What a consumer group does where nobody says otherwise: the same on every backend.

import type { BackoffOptions } from './backoff.js'

/** How long a delivery is hidden from others. */
export const VISIBILITY_MS = 30_000
/** A bucket stops delivering new records while so many are unacknowledged. */
export const MAX_PENDING = 10_000
/** Characters that are kept of why a record was given back. */
export const MAX_REASON = 1_000
/** How long what was given back rests, and an outbox waits for the network. */
export const RETRY: BackoffOptions = { firstMs: 1_000, maxMs: 300_000 }
