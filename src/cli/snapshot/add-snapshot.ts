// `varve snapshot …`: what can be done to snapshots, on any store that has a name on the command line.

import type { Command } from 'commander'
import type { SetExitCode } from '../exit-codes.js'
import { addDelete } from './delete.js'
import { addList } from './list.js'
import { addRestore } from './restore.js'
import { addSave } from './save.js'
import { addShow } from './show.js'
import { addVerify } from './verify.js'

const VERBS = [addSave, addList, addShow, addVerify, addRestore, addDelete]

export function addSnapshot(program: Command, setExitCode: SetExitCode): void {
  const snapshot = program.command('snapshot').description('save, look at, verify, restore and delete snapshots')
  for (const add of VERBS) add(snapshot, setExitCode)
}
