// What the shell is told.

export const FAILURE = 1
/** Something is wrong in the store, and was left so. */
export const ANOMALIES = 1
/** Something is wrong in the store after it was recovered. */
export const STILL_BROKEN = 2
export const WRONG_USAGE = 64

/** A verb that ends well, but not with 0, says so. */
export type SetExitCode = (code: number) => void
