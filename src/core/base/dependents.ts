// What was opened on a backend, so that closing the backend can flush and close it first.

interface Closable {
  close(): Promise<void>
}

const dependents = new WeakMap<object, Set<Closable>>()

/** Remembers `dependent` until it is removed; returns how to remove it. */
export function addDependent(owner: object, dependent: Closable): () => void {
  const set = dependents.get(owner) ?? new Set()
  dependents.set(owner, set)
  set.add(dependent)
  return () => {
    set.delete(dependent)
  }
}

/** Closes all dependents, newest first; every one is tried, the first error is thrown at the end. Adapters call it at the start of `close()`. */
export async function closeDependents(owner: object): Promise<void> {
  const set = dependents.get(owner)
  const errors: unknown[] = []
  while (set !== undefined && set.size > 0) {
    const newest = [...set].pop() as Closable
    set.delete(newest)
    try {
      await newest.close()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
