// Results as a table for the terminal and as the page bench/report.md.

const COLUMNS = ['case', 'ours', 'peer', 'peer does', 'result', 'spread', 'gate', '']

/** Lines of a table with aligned columns. */
export function table(results) {
  const rows = [COLUMNS, ...results.map(cells)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  )
}

export function markdown({ machine, options, results }) {
  const line = (row) => `| ${row.join(' | ')} |`
  const facts = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`)
  return [
    '# Measured',
    '',
    `By \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}; median of ${options.runs} runs in which both sides take turns.`,
    'A record is a key, a JSON value of 1 KiB and one header; both sides encode it within the measured time. The gate is for the',
    "result: for rates ours divided by the peer's, for memory the difference.",
    '',
    ...facts,
    '',
    line(COLUMNS.map((name) => name || 'passed?')),
    line(COLUMNS.map(() => '---')),
    ...results.map((result) => line(cells(result))),
    '',
  ].join('\n')
}

function cells(result) {
  const { title, peer, unit, ours, theirs, spread, gate, passed } = result
  const amount = (number) => `${number.toLocaleString('en-US')} ${unit}`
  return [
    title,
    amount(ours),
    amount(theirs),
    peer,
    valueText(result),
    spread?.map(twoDigits).join(' - ') ?? '-',
    gateText(gate),
    passed ? 'pass' : 'missed',
  ]
}

function valueText({ value, gate }) {
  return gate.atMost === undefined ? twoDigits(value) : `${value.toFixed(1)} MiB more`
}

function gateText({ atLeast, atMost }) {
  return atMost === undefined ? `>= ${atLeast}` : `<= ${atMost} MiB`
}

const twoDigits = (number) => number.toFixed(2)
