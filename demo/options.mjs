// What the demo can be told.

import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

export const USAGE = `npm run demo -- [options]

Appends a data set to a durable queue, consumes it in a process that is killed in the middle, lets another process go on,
and compares the result with a plain pass over the input.

  --input <file>      .csv with a header line, .ndjson, or - for standard input (default: 42 049 zip codes)
  --format <name>     csv or ndjson, where the name of the file does not say it (default: ndjson)
  --key <field>       records of one key keep their order (default: state)
  --sum <field>       summed for each key (default: latitude)
  --directory <path>  where the store lies (default: .varve/demo)
  --seed <number>     decides where the consumer is killed (default: another one each time)
  --skip-bad-lines    pass over lines that are no record, and count them
  --help

Exit codes: 0 the comparison holds, 1 it does not or something failed, 64 wrong usage.`

export class OptionError extends Error {}

const OPTIONS = {
  input: { type: 'string' },
  format: { type: 'string' },
  key: { type: 'string', default: 'state' },
  sum: { type: 'string', default: 'latitude' },
  directory: { type: 'string', default: '.varve/demo' },
  seed: { type: 'string' },
  'skip-bad-lines': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
}

/** Throws OptionError for what makes no sense. */
export function parseOptions(words) {
  const values = parse(words)
  const path = values.input ?? join(ROOT, 'node_modules/vega-datasets/data/zipcodes.csv')
  return {
    help: values.help,
    directory: resolve(values.directory),
    seed: seedOf(values.seed),
    input: {
      path,
      name: path === '-' ? 'standard input' : basename(path),
      format: formatOf(values.format, path),
      keyField: values.key,
      sumField: values.sum,
      skipBadLines: values['skip-bad-lines'],
    },
  }
}

function parse(words) {
  try {
    return parseArgs({ args: words, options: OPTIONS }).values
  } catch (error) {
    throw new OptionError(error.message)
  }
}

function seedOf(text) {
  if (text === undefined) return Math.floor(Math.random() * 2 ** 32)
  if (!/^\d+$/.test(text) || Number(text) >= 2 ** 32) throw new OptionError(`--seed is a whole number below 2^32, not ${text}`)
  return Number(text)
}

function formatOf(format, path) {
  if (format === undefined) return path.toLowerCase().endsWith('.csv') ? 'csv' : 'ndjson'
  if (format !== 'csv' && format !== 'ndjson') throw new OptionError(`--format is csv or ndjson, not ${format}`)
  return format
}
