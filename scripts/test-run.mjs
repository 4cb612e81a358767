// Starts a command and gathers what it prints. Shared by the checks and the tests.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The folder of package.json. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** Milliseconds as seconds with one digit: `12.3 s`. */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`

/**
 * Runs `command[0]` with the rest as arguments, without standard input, and resolves with { code, output, ms } when it ends.
 * `show` also prints while it runs. After `timeoutMs` the whole process group is killed and the code is 124.
 */
export function run(command, { cwd = root, env = {}, show = false, timeoutMs = 600_000 } = {}) {
  const begun = performance.now()
  const child = spawn(command[0], command.slice(1), { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const chunks = []
  for (const [stream, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ]) {
    stream.on('data', (chunk) => {
      chunks.push(chunk)
      if (show) to.write(chunk)
    })
  }
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(child.pid)
  }, timeoutMs)
  const stopped = (signal) => {
    killGroup(child.pid)
    process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  process.once('SIGINT', stopped)
  process.once('SIGTERM', stopped)
  return new Promise((resolve) => {
    const done = (code, problem = '') => {
      clearTimeout(timer)
      process.off('SIGINT', stopped)
      process.off('SIGTERM', stopped)
      const late = timedOut ? `\nstopped after ${seconds(timeoutMs)}` : ''
      resolve({ code: timedOut ? 124 : code, output: Buffer.concat(chunks).toString() + problem + late, ms: performance.now() - begun })
    }
    child.once('error', (error) => done(127, `\n${command[0]}: ${error.message}`))
    child.once('close', (code) => done(code ?? 1))
  })
}

/** A developer tool of node_modules, as a command for `run`, without npx in between. */
export function tool(path, ...args) {
  return [process.execPath, fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url)), ...args]
}

function environment(extra) {
  return {
    ...process.env,
    NO_COLOR: '1',
    FORCE_COLOR: undefined,
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    ...extra,
  }
}

function killGroup(pid) {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself in the meantime.
  }
}
