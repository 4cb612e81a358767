// `varve snapshot …`: what can be done to snapshots, on any store that has a name on the command line.

import type { Command } from 'commander'
import type { SetExitCode } from '../exit-codes.js'
import { addStoreSecretOptions } from '../given-secret.js'
import { addCollect } from './collect.js'
import { addCopy } from './copy.js'
import { addDelete } from './delete.js'
import { addDiff } from './diff.js'
import { addExport } from './export.js'
import { addFork } from './fork.js'
import { addImport } from './import.js'
import { addPin, addTag, addUnpin } from './labels.js'
import { addList } from './list.js'
import { addPrune } from './prune.js'
import { addRepair } from './repair.js'
import { addRestore } from './restore.js'
import { addSave } from './save.js'
import { addShow } from './show.js'
import { addVerify } from './verify.js'

const LOOKING = [addList, addShow, addVerify, addRestore, addDiff, addExport]
const ADDING = [addSave, addFork, addTag, addPin, addUnpin, addCopy, addImport]
const REMOVING = [addPrune, addDelete, addCollect, addRepair]

export function addSnapshot(program: Command, setExitCode: SetExitCode): void {
  const snapshot = program.command('snapshot').description('save, verify, repair, restore, compare, fork, copy and prune snapshots')
  addStoreSecretOptions(snapshot)
  for (const add of [...LOOKING, ...ADDING, ...REMOVING]) add(snapshot, setExitCode)
}
