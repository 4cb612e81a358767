// The rules of a prune as options.

import { type Command, Option } from 'commander'
import { StorageError } from '../../core/base/errors.js'
import type { PrunePolicy } from '../../core/features/snapshots/retention-types.js'
import { duration, each, wholeNumber } from '../arguments.js'
import { withoutAbsent } from '../without-absent.js'

const CALENDAR = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
const UNIT = { hourly: 'hour', daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' } as const

export interface PolicyFlags extends Pick<PrunePolicy, 'last' | (typeof CALENDAR)[number]> {
  readonly within?: number
  readonly tag?: readonly string[]
}

export function addPolicyOptions(command: Command): Command {
  command
    .option('--last <number>', 'keep the newest so many', wholeNumber(0))
    .option('--within <time>', 'keep those not older than this: 30d, 12h', duration)
    .option('--tag <name>', 'keep those with this tag; again for more', each)
  for (const rule of CALENDAR) {
    const help = `keep the newest of each of the last so many ${UNIT[rule]}s that have one`
    command.addOption(new Option(`--${rule} <number>`, help).argParser(wholeNumber(0)))
  }
  return command
}

/** `invalid` where no rule was given: it would remove all that it may. */
export function policyOf({ last, within: withinMs, tag: tags, ...flags }: PolicyFlags): PrunePolicy {
  const { hourly, daily, weekly, monthly, yearly } = flags
  const policy = withoutAbsent({ last, withinMs, tags, hourly, daily, weekly, monthly, yearly })
  if (Object.keys(policy).length > 0) return policy
  throw new StorageError('invalid', 'prune takes at least one rule of what to keep, such as --last 10 or --within 30d')
}
