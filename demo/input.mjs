// The demo's input as a stream of values: CSV with a header line, or one JSON text a line. Memory holds one chunk of it.

import { createReadStream, createWriteStream, rmSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline as pipe, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { readJsonLines } from '../dist/cli/ndjson.js'

/** What is wrong with the input, or with what was asked for: the message says what to do. */
export class InputError extends Error {}

/**
 * Values of `input` ({ path, format, skipBadLines }) in order. `onChunk` sees the raw bytes, `onSkip` is called for each line
 * that is passed over; without `skipBadLines` such a line is an InputError with its number.
 */
export async function* readValues(input, { onChunk = () => {}, onSkip = () => {} } = {}) {
  const chunks = tapped(createReadStream(input.path), onChunk)
  if (input.format === 'csv') yield* csvValues(chunks, input, onSkip)
  else yield* jsonValues(chunks, input, onSkip)
}

async function* tapped(source, onChunk) {
  try {
    for await (const chunk of source) {
      onChunk(chunk)
      yield chunk
    }
  } catch (error) {
    throw error.syscall === undefined ? error : new InputError(`the input cannot be read: ${error.message}`)
  }
}

async function* jsonValues(chunks, { path, skipBadLines }, onSkip) {
  for await (const entry of readJsonLines(chunks)) {
    if (entry.problem === undefined) yield entry.value
    else if (skipBadLines) onSkip(entry.line)
    else throw new InputError(`${path}: line ${entry.line} ${entry.problem}\n--skip-bad-lines passes over such lines and counts them`)
  }
}

async function* csvValues(chunks, { path, skipBadLines }, onSkip) {
  const parser = parse({ columns: true, bom: true, skip_empty_lines: true, skip_records_with_error: skipBadLines })
  parser.on('skip', (error) => onSkip(error.lines))
  // The error also ends the iteration below: here it only must not go unheard.
  pipe(Readable.from(chunks), parser, () => {})
  try {
    yield* parser
  } catch (error) {
    if (!String(error.code).startsWith('CSV_')) throw error
    throw new InputError(`${path}: ${error.message}\n--skip-bad-lines passes over such lines and counts them`)
  }
}

/**
 * Standard input can be read only once and the demo reads its input twice, so it is written to a file beside `directory`.
 * Gives its path and how to remove it; it is also removed when the process ends.
 */
export async function spoolStandardInput(directory) {
  await mkdir(dirname(directory), { recursive: true })
  const folder = await mkdtemp(`${directory}-input-`)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const path = join(folder, 'input')
  await pipeline(process.stdin, createWriteStream(path))
  return { path, remove }
}
