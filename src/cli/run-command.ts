// One verb is one file; here they are put together, and whatever goes wrong becomes a line and an exit code.

import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addBackup } from './archive/backup.js'
import { addRestore } from './archive/restore.js'
import { addCompact } from './compact.js'
import { addDoctor } from './doctor.js'
import { FAILURE, type SetExitCode, WRONG_USAGE } from './exit-codes.js'
import { describeFailure, isWrongUsage } from './failures.js'
import { addHealth } from './health.js'
import { addInspect } from './inspect.js'
import { addKv } from './kv.js'
import { addQueue } from './queue/add-queue.js'
import { addRecover } from './recover.js'
import { addScan } from './scan.js'
import { addSnapshot } from './snapshot/add-snapshot.js'

/** Runs one command line (without `node` and the script); resolves to its exit code. */
export async function runCommand(words: readonly string[]): Promise<number> {
  let exitCode = 0
  const setExitCode: SetExitCode = (code) => {
    exitCode = code
  }
  try {
    await createProgram(setExitCode).parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return isWanted(error) ? 0 : WRONG_USAGE
    console.error(describeFailure(error))
    return isWrongUsage(error) ? WRONG_USAGE : FAILURE
  }
}

const VERBS = [addQueue, addKv, addSnapshot, addBackup, addRestore, addHealth, addScan, addDoctor, addRecover, addCompact, addInspect]

const EXIT_CODES = `
Exit codes: 0 ok, or a healthy or recovered store; 1 failure, or anomalies found; 2 still broken after a recovery or repair; 64 wrong usage.`

function createProgram(setExitCode: SetExitCode): Command {
  const program = new Command('varve')
    .description(
      'Works with Varve stores. On files everything that only looks works beside the process that owns the store; append, recover and compact do not.',
    )
    .version(ownVersion())
    .exitOverride()
    .showHelpAfterError('(add --help for how to use it)')
    .addHelpText('after', EXIT_CODES)
  for (const add of VERBS) add(program, setExitCode)
  return program
}

/** --help and --version end by an error, too. */
function isWanted(error: CommanderError): boolean {
  return error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
