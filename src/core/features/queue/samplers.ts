import { StorageError } from '../../base/errors.js'
import type { RankShare, Sampler } from './marks-types.js'

/** Every record once, the oldest first. */
export function sequentialSampler(): Sampler {
  return { choose: (ready, limit) => ready.slice(0, limit) }
}

/**
 * For ranks that work in step: the `worldSize` ranks of a replica get the same batches in the same order, whoever of them
 * asks first; replicas of other names get other records. `of` chooses the batches (default the oldest records first). A rank
 * that is far ahead waits for the slowest of its replica. `invalid` for a rank outside of its world.
 */
export function rankAwareSampler(
  { rank, worldSize, replica = 'default' }: Omit<RankShare, 'replica'> & Partial<Pick<RankShare, 'replica'>>,
  of: Sampler = sequentialSampler(),
): Sampler {
  if (!Number.isSafeInteger(worldSize) || worldSize < 1 || !Number.isSafeInteger(rank) || rank < 0 || rank >= worldSize) {
    throw new StorageError('invalid', 'rank is a whole number from 0, below worldSize', {
      operation: 'rankAwareSampler',
      facts: { rank, worldSize },
    })
  }
  const choose: Sampler['choose'] = (ready, limit) => of.choose(ready, limit)
  return { choose, ...(of.window === undefined ? {} : { window: of.window }), share: { rank, worldSize, replica } }
}
