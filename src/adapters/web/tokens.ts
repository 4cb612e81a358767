// Tokens that rise with every holder of a lock, without a write for each: the wall clock in milliseconds, which all tabs
// share. A holder lets go only when its own millisecond is over, so the next one, in whatever tab, reads a later time.
// A clock that is set back is caught inside a tab only; safety never rests on tokens alone but on conditional puts.

const lastTokens = new Map<string, number>()
const LONGEST_SPIN_MS = 2

/** For the holder of the lock `name`. */
export function nextToken(name: string): number {
  const token = Math.max(Date.now(), (lastTokens.get(name) ?? 0) + 1)
  lastTokens.set(name, token)
  return token
}

/** Called before the lock is freed. Spins, at most a millisecond, because timers of hidden tabs may take a second. */
export function passToken(token: number): void {
  const begin = performance.now()
  while (Date.now() <= token && performance.now() - begin < LONGEST_SPIN_MS);
}
