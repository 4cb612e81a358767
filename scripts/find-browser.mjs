// Where a Chromium for the tests is: the one that VARVE_CHROMIUM names, an installed one, Playwright's own, else on Debian
// and Ubuntu, as root, the distribution's package. Fails with what to do when there is none.

import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const WELL_KNOWN = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
]

/**
 * The path of an executable Chromium. Throws with instructions when none can be had.
 * @returns {Promise<string>}
 */
export async function findBrowser() {
  return fromEnvironment() ?? installed() ?? (await playwrightsOwn()) ?? fromPackage() ?? giveUp()
}

function fromEnvironment() {
  const path = process.env.VARVE_CHROMIUM
  if (path === undefined || path === '') return undefined
  if (!isExecutable(path)) throw new Error(`VARVE_CHROMIUM is no executable file: ${path}`)
  return path
}

function installed() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const candidates = COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)))
  return [...candidates, ...WELL_KNOWN].find(isExecutable)
}

async function playwrightsOwn() {
  const { chromium } = await import('playwright')
  const path = chromium.executablePath()
  return path !== '' && isExecutable(path) ? path : undefined
}

function fromPackage() {
  if (!isDebianRoot()) return undefined
  console.error('No Chromium found: installing the distribution\'s package "chromium".')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const steps = [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]
  for (const step of steps) {
    const { status } = spawnSync('apt-get', step, { env, stdio: ['ignore', 'inherit', 'inherit'] })
    if (status !== 0) return undefined
  }
  return installed()
}

function isDebianRoot() {
  if (process.getuid?.() !== 0 || !existsSync('/etc/os-release')) return false
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8')) && hasCommand('apt-get')
}

function hasCommand(command) {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** @returns {never} */
/** @returns {never} */
function giveUp() {
  throw new Error(
    'The browser tests need Chromium and none was found. Install one (Debian, Ubuntu: apt-get install chromium; anywhere: ' +
      'npx playwright install chromium), or say where it is: VARVE_CHROMIUM=/path/to/chromium npm test',
  )
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(await findBrowser())
