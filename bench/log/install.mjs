// The peers, out of bench/package-lock.json into bench/node_modules. They hold native code, so `npm ci` of the project never
// meets them. Each is optional: what does not install or start is told with the reason.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from '../../scripts/test-run.mjs'
import { reason } from '../report.mjs'
import { logRecords } from './records.mjs'
import { openIn } from './measure.mjs'

const BENCH = join(root, 'bench')
const LOCK = join(BENCH, 'package-lock.json')
const INSTALLED = join(BENCH, 'node_modules/.package-lock.json')
const PEERS = new URL('peers/', import.meta.url)
const INSTALL_MS = 900_000

/**
 * Nothing when they are there; returns what npm said when it failed. Not `npm ci`, which refuses where the registry has not the
 * native parts for every other platform; the lock stays as it is.
 */
export async function installPeers() {
  if (existsSync(INSTALLED) && statSync(INSTALLED).mtimeMs >= statSync(LOCK).mtimeMs) return undefined
  const npm = process.env.npm_execpath === undefined ? ['npm'] : [process.execPath, process.env.npm_execpath]
  const { code, output } = await run([...npm, 'install', '--no-save', '--no-audit', '--no-fund'], { cwd: BENCH, timeoutMs: INSTALL_MS })
  return code === 0 ? undefined : output.trim()
}

/** Names of all that the bench knows of, by their files. */
export function peerNames() {
  return readdirSync(PEERS).map((file) => file.replace(/\.mjs$/, ''))
}

/** How to open each of `names`, as a map, and why others cannot: each has to store a record first. */
export async function loadPeers(names, folder) {
  const open = new Map()
  const absent = new Map()
  for (const name of names) {
    try {
      const peer = await import(new URL(`${name}.mjs`, PEERS).href)
      await tryOut(peer.open, folder)
      open.set(name, peer.open)
    } catch (error) {
      absent.set(name, reason(error))
    }
  }
  return { open, absent }
}

/** What was installed of it: `name version`, of those in bench/package.json. */
export function versions() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(BENCH, 'package.json'), 'utf8'))
  const isThere = ([name]) => existsSync(join(BENCH, 'node_modules', name, 'package.json'))
  const installed = Object.entries(optionalDependencies).filter(isThere)
  return installed.map(([name, version]) => `${name} ${version}`)
}

/** The first line that a server says about itself; nothing where it is not on the machine. */
export async function serverVersions() {
  const said = await Promise.all(['redis-server', 'nats-server'].map((command) => run([command, '--version'])))
  return said.filter(({ code }) => code === 0).map(({ output }) => output.trim().split(/ sha=|\n/)[0])
}

async function tryOut(open, folder) {
  const place = mkdtempSync(join(folder, 'varve-bench-'))
  try {
    const log = await openIn(join(place, 'peer'), open, { format: 'json', sync: 'always' })
    await log.appendOne(logRecords('json', 1)[0])
    await log.close()
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}
