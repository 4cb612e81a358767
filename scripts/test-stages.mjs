// The stages of npm test, and how each one's results are counted. A stage gives { passed, failed, skipped, problem? }, where
// the three are lists of names, so that nothing passes unnamed and nothing is skipped unseen.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { printChecks, runChecks } from './check.mjs'
import { findRedis } from './find-redis.mjs'
import { run, tool } from './test-run.mjs'

const MINUTE = 60_000

/** In order. `limitMs` ends a stage that hangs; its results so far do not count and it has failed. */
export const stages = [
  { name: 'check', title: 'build, types, lint, layers, unused code, package shape', limitMs: 5 * MINUTE, run: staticChecks },
  vitestStage('unit', 'the parts, one by one', 6 * MINUTE),
  vitestStage('conformance', 'the suites of ports and features, on the backends of Node', 5 * MINUTE),
  { ...vitestStage('redis', 'a real redis-server: suites, foreign clients, kills, failing over', 5 * MINUTE), run: withRedis },
  vitestStage('crash', 'power cuts, killed processes, flipped bits', 10 * MINUTE),
  vitestStage('golden', 'stores of earlier versions are read', 2 * MINUTE),
  vitestStage('histories', 'several writers, interleaved by a seed: linearizable, fenced', 4 * MINUTE),
  vitestStage('fuzz', 'bytes from anywhere, for every decoder', 4 * MINUTE),
  vitestStage('langgraph', "LangGraph's validation of checkpointers and ours, on each backend of Node", 8 * MINUTE),
  vitestStage('types', 'the published types, as a consumer compiles them', 3 * MINUTE),
  vitestStage('bundle', 'what bundles hold and weigh', 2 * MINUTE),
  vitestStage('package', 'the packed package in Node, in a page and in a Worker; the README', 5 * MINUTE),
  vitestStage('mutants', 'the suite fails when the code is broken', 6 * MINUTE),
  vitestStage('workers', 'the Workers runtime', 5 * MINUTE, ['--config', 'test/workers/vitest.config.ts']),
  { name: 'e2e', title: 'a real browser', limitMs: 15 * MINUTE, run: playwright },
]

async function staticChecks() {
  const results = await runChecks()
  printChecks(results)
  const names = (ok) => results.filter((result) => result.ok === ok).map(({ name }) => name)
  return { passed: names(true), failed: names(false), skipped: [] }
}

function vitestStage(project, title, limitMs, choice = ['--project', project]) {
  return {
    name: project,
    title,
    limitMs,
    run: async ({ folder, timeoutMs }) => {
      const report = join(folder, `${project}.json`)
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
      const { code } = await run(tool('vitest/vitest.mjs', 'run', ...choice, ...reporters), { show: true, timeoutMs })
      return counted(code, report, vitestResults)
    },
  }
}

/** Without a server every test of the stage is skipped by its name, which is no failure and is seen. */
async function withRedis(context) {
  const { run: runTests } = vitestStage('redis')
  if (findRedis()) return runTests(context)
  console.log('\nNO REDIS-SERVER: it is not on this machine and could not be installed. ALL TESTS OF REDIS ARE SKIPPED.')
  const { problem, ...results } = await runTests(context)
  return results.skipped.length > 0 && results.failed.length === 0 ? results : { ...results, problem }
}

async function playwright({ folder, timeoutMs }) {
  const report = join(folder, 'e2e.json')
  const env = { VARVE_E2E_REPORT: report, PLAYWRIGHT_JSON_OUTPUT_NAME: report }
  const { code } = await run(tool('@playwright/test/cli.js', 'test', '--reporter=line,json'), { show: true, timeoutMs, env })
  return counted(code, report, playwrightResults)
}

/** Reads a report; a runner that wrote none, found no test, or failed for a reason that no test shows, has failed once. */
function counted(code, report, read) {
  if (!existsSync(report)) return { passed: [], failed: [], skipped: [], problem: `ended with code ${code} and without a report` }
  const results = read(JSON.parse(readFileSync(report, 'utf8')))
  const ran = results.passed.length + results.failed.length
  if (ran === 0) return { ...results, problem: 'ran no test' }
  if (code !== 0 && results.failed.length === 0) return { ...results, problem: `ended with code ${code} though no test failed` }
  return results
}

function vitestResults(report) {
  const results = { passed: [], failed: [], skipped: [] }
  for (const file of report.testResults) {
    for (const test of file.assertionResults) listFor(results, test.status).push(test.fullName)
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) {
      results.failed.push(`${file.name}: ${file.message || 'could not be run'}`)
    }
  }
  return results
}

function listFor(results, status) {
  if (status === 'passed') return results.passed
  return status === 'failed' ? results.failed : results.skipped
}

function playwrightResults(report) {
  const results = { passed: [], failed: [], skipped: [] }
  const visit = (suite, path) => {
    for (const spec of suite.specs ?? []) {
      for (const test of spec.tests) playwrightList(results, test.status).push([...path, spec.title].join(' › '))
    }
    for (const inner of suite.suites ?? []) visit(inner, [...path, inner.title])
  }
  for (const suite of report.suites) visit(suite, [suite.title])
  for (const error of report.errors ?? []) results.failed.push(error.message ?? 'an error outside any test')
  return results
}

function playwrightList(results, status) {
  if (status === 'expected') return results.passed
  return status === 'skipped' ? results.skipped : results.failed
}
