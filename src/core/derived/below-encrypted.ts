import type { Backend } from '../ports/backend.js'

const belowOf = new WeakMap<Backend, Backend>()

/** Called by what encrypts, or wraps what does. */
export function setBelowEncrypted(backend: Backend, below: Backend): void {
  belowOf.set(backend, below)
}

/** The backend that lies below the encryption, or the one that was given. */
export function belowEncrypted(backend: Backend): Backend {
  return belowOf.get(backend) ?? backend
}
