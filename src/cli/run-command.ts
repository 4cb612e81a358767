// One verb is one file; here they are put together, and whatever goes wrong becomes a line and an exit code.

import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addAppend } from './append.js'
import { describeFailure, FAILURE, isWrongUsage, WRONG_USAGE } from './failures.js'
import { addHealth } from './health.js'
import { addKv } from './kv.js'
import { addQueues } from './queues.js'
import { addRead } from './read.js'
import { addSnapshots } from './snapshots.js'
import { addStats } from './stats.js'

/** Runs one command line (without `node` and the script); resolves to the exit code: 0 ok, 1 failure, 64 wrong usage. */
export async function runCommand(words: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return isWanted(error) ? 0 : WRONG_USAGE
    console.error(describeFailure(error))
    return isWrongUsage(error) ? WRONG_USAGE : FAILURE
  }
}

function createProgram(): Command {
  const program = new Command('varve')
    .description('Looks into a Varve store in a directory. Everything but append works beside the process that owns the store.')
    .version(ownVersion())
    .exitOverride()
    .showHelpAfterError('(add --help for how to use it)')
    .addHelpText('after', '\nExit codes: 0 ok, 1 failure, 64 wrong usage.')
  for (const add of [addQueues, addStats, addRead, addAppend, addKv, addSnapshots, addHealth]) add(program)
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
