// How far a long command has come, on one line of the terminal that is wiped when it is done. Nothing where stderr is no terminal.

import type { ScanProgress } from '../core/compose/scan.js'
import { formatBytes, formatCell } from './output.js'

export interface Progress<What> {
  readonly update: (what: What) => void
  /** Wipes the line: before anything else is printed. */
  readonly end: () => void
}

const WIPE = '\r\u001b[K'
/** A terminal is slower than what it is told of. */
const REST_MS = 50

export function progressLine<What>(describe: (what: What) => string): Progress<What> {
  if (!process.stderr.isTTY) return { update: () => {}, end: () => {} }
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    update(what) {
      if (performance.now() - shownAt < REST_MS) return
      shownAt = performance.now()
      process.stderr.write(WIPE + describe(what))
    },
    end() {
      process.stderr.write(WIPE)
      shownAt = Number.NEGATIVE_INFINITY
    },
  }
}

export function scanProgress(): Progress<ScanProgress> {
  return progressLine(({ queue, bucket, bytes }) => `${formatBytes(bytes)} looked at, queue ${formatCell(queue, 30)} bucket ${bucket}`)
}
