// Results as a table for the terminal and as the page bench/report.md.

import { root } from '../scripts/test-run.mjs'

const COLUMNS = ['case', 'ours', 'peer', 'peer does', 'result', 'spread', 'gate', '']

/** Lines of a table with aligned columns. */
function table(results) {
  const rows = [COLUMNS, ...results.map(cells)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  )
}

/** A page: what was done, by whom, on what, with what result. */
export function markdown({ intro, facts, results, notes = [] }) {
  const line = (row) => `| ${row.join(' | ')} |`
  return [
    '# Measured',
    '',
    ...intro,
    '',
    ...Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`),
    '',
    line(COLUMNS.map((name) => name || 'passed?')),
    line(COLUMNS.map(() => '---')),
    ...results.map((result) => line(cells(result))),
    '',
    ...notes,
  ].join('\n')
}

/** The lines under a table for the terminal. */
function verdict(results) {
  const gated = results.filter(({ gate }) => gate !== undefined)
  const missed = gated.filter(({ passed }) => !passed).length
  return `${gated.length - missed} passed, ${missed} missed`
}

function cells(result) {
  const { title, peer, unit, ours, theirs, spread, gate, passed } = result
  const digits = { maximumFractionDigits: ours < 100 ? 1 : 0 }
  const amount = (number) => `${number.toLocaleString('en-US', digits)} ${unit}`
  return [
    title,
    amount(ours),
    amount(theirs),
    peer,
    unit === 'MiB' ? `${twoDigits(result.value)} MiB more` : twoDigits(result.value),
    spread?.map(twoDigits).join(' - ') ?? '-',
    gate === undefined ? '-' : gateText(gate, unit),
    gate === undefined ? '-' : passed ? 'pass' : 'missed',
  ]
}

function gateText({ atLeast, atMost }, unit) {
  if (atMost === undefined) return `>= ${atLeast}`
  return unit === 'MiB' ? `<= ${atMost} MiB` : `<= ${atMost}`
}

const twoDigits = (number) => number.toFixed(2)

/** For a terminal: the machine, the table, what was not measured and why, and how many gates were passed. */
export function printed({ facts, results, notes = [] }) {
  const machine = Object.entries(facts).map(([name, value]) => `${name.padEnd(12)} ${value}`)
  return ['', ...machine, '', ...table(results), ...notes, '', verdict(results)].join('\n')
}

/** Why something was not measured: one line, without places on this machine. */
export function reason(error) {
  const [line] = String(error?.message ?? error).split('\n')
  return line.replaceAll(root, '').replace(/ imported from .*/, '')
}
