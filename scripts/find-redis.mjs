// Sees to a redis-server for the tests: the one on the machine, else on Debian and Ubuntu, as root, the distribution's package.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** True when there is one, and it is 7.0 or newer. */
export function findRedis() {
  return isThere() || (install() && isThere())
}

function isThere() {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return status === 0 && Number(/v=(\d+)/.exec(stdout)?.[1] ?? 0) >= 7
}

function install() {
  if (!isDebianRoot()) return false
  console.error('No redis-server found: installing the distribution\'s package "redis-server".')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const steps = [['update'], ['install', '-y', '--no-install-recommends', 'redis-server']]
  return steps.every((step) => spawnSync('apt-get', step, { env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0)
}

function isDebianRoot() {
  if (process.getuid?.() !== 0 || !existsSync('/etc/os-release')) return false
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(findRedis() ? 'redis-server is there' : 'no redis-server')
