// A question before something is lost. Only a person at a terminal is asked.

import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { StorageError } from '../core/base/errors.js'

export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** Whether the answer is yes; the end of the input is a no. */
export async function confirm(question: string): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  const noAnswer = once(asking, 'close').then(() => '')
  const answer = await Promise.race([asking.question(`${question} [y/N] `), noAnswer])
  asking.close()
  return /^y(es)?$/i.test(answer.trim())
}

/** `invalid` where there is nobody to ask and `--yes` was not given. */
export async function mayDelete(question: string, yes: true | undefined): Promise<boolean> {
  if (yes) return true
  if (canAsk()) return await confirm(question)
  throw new StorageError(
    'invalid',
    `${question} Nobody can be asked here: add --yes to do it, or --dry-run (of prune and collect) to see what would be done`,
  )
}
