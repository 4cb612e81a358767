// What is saved: states of an agent as JSON, and folders of files, half of them text that compresses, half of them bytes that do
// not. The same seed gives the same bytes.

import { appendFileSync, mkdirSync, openSync, closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const MESSAGE_BYTES = 1024
const MIB = 2 ** 20
const WORDS = 'lake layer clay summer winter flood ice melt year sand silt core sample depth count thin dark light'.split(' ')

/** Numbers from 0 to 2^32 (xorshift, Marsaglia 2003). */
export function numbers(seed) {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}

function words(next, bytes) {
  let text = ''
  while (text.length < bytes) text += `${WORDS[next() % WORDS.length]} ${next() % 1000} `
  return text.slice(0, bytes)
}

export function message(number, bytes = MESSAGE_BYTES) {
  const role = number % 2 === 0 ? 'user' : 'assistant'
  return { id: `m${number}`, role, at: 1_767_225_600_000 + number * 1000, content: words(numbers(number + 1), bytes - 70) }
}

/** About so many bytes as JSON: messages, some memory, some plan. */
export function agentState(bytes, seed = 0) {
  const messages = []
  for (let at = 0; at < bytes; at += MESSAGE_BYTES) messages.push(message(seed * 1_000_000 + messages.length))
  const memory = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`fact ${n}`, words(numbers(n + 7), 60)]))
  return { agent: 'planner', step: seed, memory, plan: ['read', 'think', 'write'], messages }
}

/** A hundredth more, at the end. */
export function appended(state, round) {
  const count = Math.max(1, Math.round(state.messages.length / 100))
  const from = state.messages.length
  const more = Array.from({ length: count }, (_, n) => message(round * 10_000_000 + from + n))
  return { ...state, step: state.step + 1, messages: [...state.messages, ...more] }
}

/** A hundredth written anew, in one run somewhere. */
export function changed(state, round) {
  const count = Math.max(1, Math.round(state.messages.length / 100))
  const from = (round * 7_919) % (state.messages.length - count)
  const messages = state.messages.with(from, state.messages[from])
  for (let n = 0; n < count; n++) messages[from + n] = message(round * 10_000_000 + from + n)
  return { ...state, step: state.step + 1, messages }
}

/** A folder of files of 16 MiB: JSON lines and random bytes in turns. */
export function writeFiles(folder, mib, seed = 1) {
  mkdirSync(folder, { recursive: true })
  for (let file = 0; file * 16 < mib; file++) {
    const handle = openSync(join(folder, `part-${String(file).padStart(3, '0')}`), 'w')
    for (let written = 0; written < 16 && file * 16 + written < mib; written++) {
      writeSync(handle, file % 2 === 0 ? jsonBlock(seed * 1_000 + file * 16 + written) : randomBlock(seed * 1_000 + file * 16 + written))
    }
    closeSync(handle)
  }
}

/** One file of such blocks. */
export function writeFile(path, mib, seed = 1) {
  for (let block = 0; block < mib; block++)
    appendFileSync(path, block % 2 === 0 ? jsonBlock(seed * 7_000 + block) : randomBlock(seed * 7_000 + block))
}

/** A hundredth of a file written anew, in one run. */
export function changeFile(path, mib, round) {
  const handle = openSync(path, 'r+')
  const bytes = Math.max(1, Math.round((mib * MIB) / 100))
  const run = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += MIB) run.set(randomBlock(round * 31 + at).subarray(0, Math.min(MIB, bytes - at)), at)
  writeSync(handle, run, 0, bytes, ((round * 7_919) % 90) * Math.floor((mib * MIB) / 100) + 12_345)
  closeSync(handle)
}

function jsonBlock(seed) {
  let text = ''
  for (let n = 0; text.length < MIB; n++) text += `${JSON.stringify(message(seed * 2_000 + n))}\n`
  return Buffer.from(text.slice(0, MIB))
}

function randomBlock(seed) {
  const next = numbers(seed)
  return new Uint8Array(Uint32Array.from({ length: MIB / 4 }, next).buffer)
}
