// What the demo says at its end.

/** Rows of [title, text] as lines, the titles in a column. */
export function formatRows(rows) {
  const width = Math.max(...rows.map(([title]) => title.length))
  return rows.map(([title, text]) => `  ${title.padEnd(width)}  ${text}`).join('\n')
}

export function reportRows(result) {
  const { plain, appended, appendMs, killedAt, counters, seed, directory, snapshots } = result
  return [
    ['records', `${grouped(plain.records)}${plain.skipped > 0 ? ` (bad lines passed over: ${grouped(plain.skipped)})` : ''}`],
    ['bytes', grouped(plain.bytes)],
    ['appended', grouped(appended)],
    ['appended/s', appended === 0 ? '- (nothing was missing)' : grouped(Math.round(appended / (appendMs / 1000)))],
    ['killed at', killedAt === undefined ? '- (nothing was left to consume)' : `record ${grouped(killedAt)}`],
    ['redelivered', grouped(counters.redelivered)],
    ['replayed', `${grouped(counters.replayed)} after ${restored(counters.restoredFrom)}`],
    ['snapshots', grouped(snapshots)],
    ['keys', `${grouped(plain.analysis.keys)}${largest(plain.analysis)}`],
    ['seed', `${seed}`],
    ['data', directory],
  ]
}

function largest(analysis) {
  const top = analysis.largest(3).map(({ key, count }) => `${key} ${grouped(count)}`)
  return top.length === 0 ? '' : `, most: ${top.join(', ')}`
}

function restored(index) {
  return index === undefined ? 'no snapshot' : `snapshot ${index}`
}

/** 42049 -> 42 049 */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ' ')
}
