// Starts a server that is on this machine, on a free port and with its data in `folder`; it never outlives the bench.

import { spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'

const PATIENCE_MS = 10_000
const PAUSE_MS = 20

/** `makeArgs(port)` are its arguments. Resolves when it takes connections, with the port and how to stop it. */
export async function startServer(command, makeArgs, folder) {
  const port = await freePort()
  const child = spawn(command, makeArgs(port), { cwd: folder, stdio: 'ignore' })
  const kill = () => child.kill('SIGKILL')
  process.prependOnceListener('exit', kill) // before its folder is removed
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.code === 'ENOENT' ? `${command} is not on this machine` : error.message))
    child.once('exit', (code) => resolve(`${command} ended with code ${code}`))
  })
  const stop = async () => {
    process.off('exit', kill)
    kill()
    await ended
  }
  const problem = await Promise.race([ended, answers(port).then(() => undefined)])
  if (problem === undefined) return { port, stop }
  process.off('exit', kill)
  throw new Error(problem)
}

function freePort() {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

async function answers(port) {
  const end = Date.now() + PATIENCE_MS
  while (Date.now() < end) {
    if (await isOpen(port)) return
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  throw new Error(`nothing answers on its port after ${PATIENCE_MS} ms`)
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const tell = (is) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => tell(true))
    socket.once('error', () => tell(false))
  })
}

/** The arguments of a Redis that syncs before each answer, or leaves that to the system. */
export function startRedis(folder, sync) {
  const policy = sync === 'always' ? 'always' : 'no'
  const makeArgs = (port) =>
    ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', policy].map(String)
  return startServer('redis-server', makeArgs, folder)
}
