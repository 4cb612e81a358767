// npm run check: everything that can be said about the code without running it. Builds first, then two checks at a time.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, run, seconds, tool } from './test-run.mjs'

const tsc = (...args) => tool('typescript/bin/tsc', ...args)
const script = (name) => [process.execPath, join(root, 'scripts', name)]

const build = { name: 'build', command: tsc('-b') }

const checks = [
  { name: 'types of the tests', command: tsc('-p', 'test') },
  ...['playground', 'test/workers']
    .filter((folder) => existsSync(join(root, folder, 'tsconfig.json')))
    .map((folder) => ({ name: `types of ${folder}`, command: tsc('-p', folder, '--noEmit') })),
  { name: 'format and lint', command: tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '--max-diagnostics=100', '.') },
  { name: 'floating promises, exhaustive switches', command: script('check-types.mjs') },
  { name: 'layers', command: tool('dependency-cruiser/bin/dependency-cruise.mjs', 'src', '--config', '.dependency-cruiser.cjs') },
  { name: 'unused code', command: tool('knip/bin/knip.js', '--no-config-hints') },
  { name: 'package shape', command: script('check-package.mjs') },
  { name: 'text', command: script('check-text.mjs') },
]

/** Runs all checks and gives [{ name, ok, ms, output }]. The rest runs also when the build fails, on what was built before. */
export async function runChecks() {
  const results = [await runOne(build)]
  const waiting = [...checks]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results.push(await runOne(next))
  }
  await Promise.all([worker(), worker()])
  return results
}

async function runOne({ name, command }) {
  const { code, output, ms } = await run(command, { timeoutMs: 180_000 })
  return { name, ok: code === 0, ms, output }
}

/** What failed, in full, then a line for each check. */
export function printChecks(results) {
  for (const { name, output } of results.filter(({ ok }) => !ok)) console.log(`\n--- ${name} ---\n${output.trimEnd()}`)
  console.log('')
  const width = Math.max(...results.map(({ name }) => name.length))
  for (const { name, ok, ms } of results) console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(width)}  ${seconds(ms).padStart(7)}`)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const begun = performance.now()
  const results = await runChecks()
  printChecks(results)
  const failed = results.filter(({ ok }) => !ok).length
  console.log(`\n${results.length - failed} checks passed, ${failed} failed, ${seconds(performance.now() - begun)}`)
  process.exitCode = failed > 0 ? 1 : 0
}
