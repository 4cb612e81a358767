// What no file of the project may hold: promises to finish later, tests that are switched off, places on somebody's machine.
// Prints file:line of each finding and exits 1 when there is one.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { root } from './test-run.mjs'

const SOURCE = /\.(ts|tsx|mts|cts|js|mjs|cjs|css|html)$/
const OWN = /^scripts\/check-text\.mjs$/

// Written in pieces, so that this file does not find itself.
const rules = [
  { what: 'unfinished work', files: SOURCE, pattern: new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`) },
  {
    what: 'a test that is switched off or alone',
    files: /^test\/.*\.(ts|mjs)$/,
    pattern: /\b(?:test|it|describe|suite)\.(?:skip|only|todo|fixme)\b(?!If)|\bx(?:it|describe)\s*\(/,
  },
  { what: 'a silenced compiler or linter', files: SOURCE, pattern: /@ts-(?:ignore|nocheck)|biome-ignore(?! lint\/\S+: \S)|eslint-disable/ },
  {
    what: 'a place on one machine',
    files: /./,
    pattern: /(?:^|[\s'"`(=:])(?:\/(?:home|Users)\/\w|\/work\/|\/root\/|\/tmp\/team|[A-Z]:\\Users\\)|localhost:\d+\/\w+\/workspace/,
  },
  { what: 'a folder of this user', files: /./, text: homedir() === '/' ? undefined : `${homedir()}/` },
]

const problems = [...trackedFiles().flatMap(findings), ...portsWithCode(), ...staleOutput()]
for (const problem of problems) console.log(problem)
process.exitCode = problems.length > 0 ? 1 : 0

/** What git knows of or would add, so that the check sees a file before it is committed. */
function trackedFiles() {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  return listed.split('\0').filter((file) => file !== '' && !OWN.test(file) && file !== 'package-lock.json' && isFile(join(root, file)))
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

function findings(file) {
  const active = rules.filter((rule) => rule.files.test(file))
  if (active.length === 0 || /\.(png|ico|woff2?|bin)$/.test(file)) return []
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  return lines.flatMap((line, index) =>
    active.filter((rule) => hits(rule, line)).map((rule) => `${file}:${index + 1} ${rule.what}: ${line.trim().slice(0, 120)}`),
  )
}

function hits(rule, line) {
  if (rule.text !== undefined) return line.includes(rule.text)
  return rule.pattern?.test(line) ?? false
}

/** The ports are a contract; what they compile to must be empty modules. */
function portsWithCode() {
  const folder = join(root, 'dist/core/ports')
  if (!existsSync(folder)) return ['dist/core/ports is missing: build first']
  return readdirSync(folder)
    .filter((name) => name.endsWith('.js') && !/^export \{\};?\s*$/.test(withoutComments(readFileSync(join(folder, name), 'utf8'))))
    .map((name) => `src/core/ports/${name.replace(/\.js$/, '.ts')} holds code; ports are types only`)
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '').trim()
}

/** What the compiler once wrote for a file that is gone would be published with the rest. */
function staleOutput() {
  return readdirSync(join(root, 'dist'), { recursive: true })
    .filter((name) => name.endsWith('.js') && !existsSync(join(root, 'src', name.replace(/\.js$/, '.ts'))))
    .map((name) => `dist/${name} has no source any more: remove dist and build again`)
}
