// What the parent and its consumers call the things in the store.

export const QUEUE = 'records'
export const GROUP = 'analysis'
export const BUCKETS = 4
export const SESSION = { agent: 'demo', session: 'analysis' }
/** How long a delivery of a killed consumer stays hidden from the next one. */
export const VISIBILITY_MS = 1000
