// Which snapshot is meant: an id, the beginning of one, or agent/session[@branch] for the newest of a branch.

import { StorageError } from '../../core/base/errors.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { BranchRef, SnapshotInfo } from '../../core/features/snapshots/types.js'
import { checkNames } from './check-names.js'

/** What the help says of an argument that takes one. */
export const WHICH = 'an id, at least 4 digits it begins with, or <agent>/<session>[@<branch>] for the newest'

const ID_DIGITS = /^[0-9a-f]{4}[0-9a-f-]*$/
const ID_LENGTH = 36
/** How many an error lists. */
const MOST_LISTED = 10

/** `missing` where there is none, `invalid` where several are meant. */
export async function findSnapshot(snapshots: Snapshots<unknown>, which: string, signal: AbortSignal): Promise<SnapshotInfo> {
  const id = which.toLowerCase()
  if (ID_DIGITS.test(id) && id.length === ID_LENGTH) return await snapshots.info(id, { signal })
  if (ID_DIGITS.test(id)) return await beginningWith(snapshots, id, signal)
  if (which.includes('/')) return await newestOf(snapshots, which, signal)
  throw new StorageError('invalid', `a snapshot is ${WHICH}`, { facts: { given: which } })
}

async function beginningWith(snapshots: Snapshots<unknown>, digits: string, signal: AbortSignal): Promise<SnapshotInfo> {
  const found: SnapshotInfo[] = []
  for await (const info of snapshots.list({ signal })) if (info.id.startsWith(digits)) found.push(info)
  const [first, ...others] = found
  if (first === undefined) throw new StorageError('missing', 'no snapshot has an id that begins so', { facts: { id: digits } })
  if (others.length === 0) return first
  const listed = found
    .slice(0, MOST_LISTED)
    .map(({ id, agent, session, branch, index }) => `\n  ${id}  ${agent}/${session}@${branch} ${index}`)
  const more = found.length > MOST_LISTED ? `\n  and ${found.length - MOST_LISTED} others` : ''
  throw new StorageError('invalid', `${found.length} snapshots have an id that begins so; give more digits:${listed.join('')}${more}\n`, {
    facts: { id: digits },
  })
}

/** Names may hold `/` and `@` themselves: every way to read the text is tried. */
async function newestOf(snapshots: Snapshots<unknown>, text: string, signal: AbortSignal): Promise<SnapshotInfo> {
  const refs = branchesMeant(text)
  const found: SnapshotInfo[] = []
  for (const ref of refs) {
    const newest = await snapshots.latest(ref, { signal })
    if (newest !== undefined) found.push(newest)
  }
  const [first, ...others] = found
  if (others.length > 0) {
    const ids = found.map(({ id }) => id).join(', ')
    throw new StorageError('invalid', `that can be read as more than one branch; give an id: ${ids}`, { facts: { given: text } })
  }
  if (first !== undefined) return first
  const [ref] = refs
  if (ref !== undefined) await checkNames(snapshots, { ...ref, branch: ref.branch ?? 'main' })
  throw new StorageError('missing', 'there is no such branch', { facts: { given: text } })
}

export function branchesMeant(text: string): readonly BranchRef[] {
  const refs = splits(text, '/').flatMap(([agent, rest]): BranchRef[] => [
    ...splits(rest, '@').map(([session, branch]) => ({ agent, session, branch })),
    { agent, session: rest },
  ])
  return refs
}

/** In two that are not empty, at each place where it can be. */
function splits(text: string, at: string): readonly (readonly [string, string])[] {
  const parts = text.split(at)
  const all = parts.slice(1).map((_, i) => [parts.slice(0, i + 1).join(at), parts.slice(i + 1).join(at)] as const)
  return all.filter(([before, behind]) => before !== '' && behind !== '')
}
