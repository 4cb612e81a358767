// A passphrase that a person is asked for, who does not see it on the screen.

import { StorageError } from '../core/base/errors.js'
import { canAsk } from './confirm.js'
import { PASSPHRASE_VARIABLE } from './given-secret.js'

/** undefined where nobody can be asked. */
export async function askPassphrase(question: string): Promise<string | undefined> {
  if (!canAsk()) return undefined
  const line = readHidden() // before the question is there: somebody may type at once
  process.stderr.write(question)
  try {
    return await line
  } finally {
    process.stderr.write('\n')
  }
}

/** Twice, so that a slip of the fingers does not lock the door for ever. `invalid` where both differ, or nobody can be asked. */
export async function askNewPassphrase(): Promise<string> {
  const first = await askPassphrase('Passphrase: ')
  if (first === undefined) {
    throw new StorageError(
      'invalid',
      `nobody can be asked for a passphrase here: give --passphrase-file, --key-file or ${PASSPHRASE_VARIABLE}`,
    )
  }
  if (first === '') throw new StorageError('invalid', 'the passphrase is empty')
  if ((await askPassphrase('Again: ')) !== first) throw new StorageError('invalid', 'the two are not the same')
  return first
}

const ENTER = ['\r', '\n', '\u0004']
const ERASE = ['\b', '\u007f']
const CTRL_C = '\u0003'

/** One line, key by key, as the terminal would have edited it. */
function readHidden(): Promise<string> {
  const { stdin } = process
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  return new Promise((resolve, reject) => {
    let line: string[] = []
    const end = (settle: () => void): void => {
      stdin.off('data', take)
      stdin.setRawMode(false)
      stdin.pause()
      settle()
    }
    const take = (keys: string): void => {
      for (const key of keys) {
        const isOver = ENTER.includes(key)
        if (isOver) end(() => resolve(line.join('')))
        else if (key === CTRL_C) end(() => reject(new Error('interrupted')))
        if (isOver || key === CTRL_C) return
        line = ERASE.includes(key) ? line.slice(0, -1) : [...line, key]
      }
    }
    stdin.on('data', take)
    stdin.resume()
  })
}
