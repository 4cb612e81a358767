// The options of a script. The comment at its head is what --help prints.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const WRONG_USAGE = 64

/** `url` is the script's import.meta.url; an option that it does not know ends the process with code 64. */
export function readOptions(url, options) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', default: false } } })
    if (!values.help) return values
  } catch (error) {
    console.error(`${error.message}\n(--help says which options there are)`)
    process.exit(WRONG_USAGE)
  }
  console.log(headOf(readFileSync(fileURLToPath(url), 'utf8')))
  process.exit(0)
}

/** The number that an option of these must be; anything else ends the process with code 2. */
export function positive(values, name) {
  const number = Number(values[name])
  if (!(number > 0)) fail(`--${name} is a number above 0`)
  return number
}

export function fail(message) {
  console.error(message)
  process.exit(2)
}

function headOf(source) {
  const lines = source.split('\n')
  const end = lines.findIndex((line) => !line.startsWith('//'))
  return lines
    .slice(0, end)
    .map((line) => line.slice(3))
    .join('\n')
}
