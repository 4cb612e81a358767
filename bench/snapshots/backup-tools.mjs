// The backup tools of the distribution, each with a repository in a folder of its own. What is not installed is said, not skipped.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const PASSWORD = 'bench'

/** By name: what opens a repository. `compression`: `none` or what the tool has by default. */
export const tools = {
  restic: ({ folder, compression }) => {
    const more = compression === 'none' ? ['--compression', 'off'] : ['--compression', 'auto']
    const restic = (args) => call('restic', ['--repo', folder, '--quiet', '--no-cache', ...args], { RESTIC_PASSWORD: PASSWORD })
    restic(['init', '--repository-version', '2'])
    return {
      save: (source) => restic([...more, 'backup', source]),
      restore: (target) => restic(['restore', 'latest', '--verify', '--target', target]),
    }
  },
  borg: ({ folder, compression, encryption }) => {
    const env = { BORG_PASSPHRASE: PASSWORD, BORG_BASE_DIR: `${folder}-home`, BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' }
    const borg = (args, cwd) => call('borg', args, env, cwd)
    borg(['init', '--encryption', encryption ? 'repokey' : 'none', folder])
    let saved = 0
    return {
      save: (source) => borg(['create', '--compression', compression === 'none' ? 'none' : 'zlib,1', `${folder}::s${saved++}`, source]),
      restore: (target) => {
        mkdirSync(target, { recursive: true })
        borg(['extract', `${folder}::s${saved - 1}`], target)
      },
    }
  },
}

/** `restic 0.14.0`; undefined where it is not installed. */
export function versionOf(name) {
  const { status, stdout } = spawnSync(name, [name === 'restic' ? 'version' : '--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\n')[0].split(' ').slice(0, 2).join(' ') : undefined
}

/** What the files below a folder take. */
export function bytesIn(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

function call(command, args, env, cwd) {
  const { status, stderr, error } = spawnSync(command, args, { env: { ...process.env, ...env }, cwd, encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ended with code ${status}: ${stderr.trim().split('\n').at(-1)}`)
}
