// `varve queue …`: what can be done to queues, on any store that has a name on the command line.

import type { Command } from 'commander'
import { addStoreSecretOptions } from '../given-secret.js'
import { addAppend } from './append.js'
import { addDeadLetters } from './dead-letters.js'
import { addGroups } from './groups.js'
import { addLag } from './lag.js'
import { addList } from './list.js'
import { addPending } from './pending.js'
import { addRead } from './read.js'
import { addReplicate } from './replicate.js'
import { addStats } from './stats.js'
import { addTail } from './tail.js'

const VERBS = [addList, addAppend, addRead, addTail, addStats, addGroups, addLag, addPending, addDeadLetters, addReplicate]

export function addQueue(program: Command): void {
  const queue = program.command('queue').description('append to queues, read and follow them, look at their groups, replicate them')
  addStoreSecretOptions(queue)
  for (const add of VERBS) add(queue)
}
