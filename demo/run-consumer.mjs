// The parent's side: starts a consumer, listens to it, and kills it when it has taken enough.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./consumer.mjs', import.meta.url))

/**
 * Runs a consumer to its end, or, with `killAt`, until it has taken that many records: then SIGKILL, wherever it is. Resolves to
 * { killed: true, taken } or { killed: false, ...its counters }.
 */
export function runConsumer(job, { killAt, onProgress = () => {} } = {}) {
  const child = fork(SCRIPT, [JSON.stringify(job)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  return new Promise((resolve, reject) => {
    let [taken, isKilled, counters, failure] = [0, false, undefined, undefined]
    child.on('error', reject)
    child.on('message', (message) => {
      if (isKilled) return
      if (message.type === 'failed') failure = message.message
      taken = message.taken ?? taken
      if (message.type === 'progress') onProgress(taken)
      if (killAt !== undefined && (taken >= killAt || message.type === 'done')) {
        isKilled = child.kill('SIGKILL')
      } else if (message.type === 'done') {
        counters = message
        child.send('close')
      }
    })
    child.on('exit', (code, signal) => {
      process.removeListener('exit', killWithUs)
      if (isKilled && signal === 'SIGKILL') resolve({ killed: true, taken })
      else if (code === 0 && counters !== undefined) resolve({ ...counters, killed: false })
      else reject(new Error(failure ?? `the consumer ended with ${signal ?? `code ${code}`}`))
    })
  })
}
