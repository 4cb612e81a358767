// Standard output, waiting where its reader is slow: memory stays flat however much is printed.

import { once } from 'node:events'
import { formatJson } from './output.js'

export async function writeOut(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** One line of JSON a row. */
export async function writeJsonLines(rows: Iterable<unknown>): Promise<void> {
  let text = ''
  for (const row of rows) text += `${formatJson(row)}\n`
  if (text !== '') await writeOut(text)
}
