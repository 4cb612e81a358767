import { StorageError } from './errors.js'

/**
 * A module that not every program needs, imported where it is first needed, so that a page does not load it before.
 * `unavailable` where it cannot be fetched: a page that must work offline has to cache all files of its bundle.
 */
export async function loadPart<Part>(part: string, load: () => Promise<Part>): Promise<Part> {
  try {
    return await load()
  } catch (cause) {
    throw new StorageError('unavailable', 'a part of the program could not be loaded', { facts: { part }, cause })
  }
}
