// The options by which snapshots are chosen: the same for every verb that takes many.

import { type Command, InvalidArgumentError } from 'commander'
import type { Json } from '../../core/codec/codec.js'
import type { SnapshotFilter } from '../../core/features/snapshots/types.js'
import { time } from '../arguments.js'
import { withoutAbsent } from '../without-absent.js'

export interface FilterFlags {
  readonly agent?: string
  readonly session?: string
  readonly branch?: string
  readonly tag?: string
  readonly metadata?: Readonly<Record<string, Json>>
  readonly before?: number
  readonly after?: number
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--agent <name>', 'only of this agent')
    .option('--session <name>', 'only of this session')
    .option('--branch <name>', 'only of this branch')
    .option('--tag <name>', 'only with this tag')
    .option('--metadata <name=value>', 'only where an entry of the metadata is this (JSON, or a text); again for more', entry)
    .option('--before <time>', 'only those saved before it, in ISO 8601', time)
    .option('--after <time>', 'only those saved after it', time)
}

/** Without other flags. */
export function filterOf({ agent, session, branch, tag, metadata, before, after }: FilterFlags): Omit<SnapshotFilter, 'signal'> {
  return withoutAbsent({ agent, session, branch, tag, metadata, before, after })
}

function entry(text: string, before: Readonly<Record<string, Json>> = {}): Readonly<Record<string, Json>> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It is <name>=<value>.')
  return { ...before, [text.slice(0, at)]: jsonOrText(text.slice(at + 1)) }
}

function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}
