// How far a long look has come, on one line of the terminal that is wiped when it is done. Nothing where stderr is no terminal.

import type { ScanProgress } from '../core/compose/scan.js'
import { formatBytes, formatCell } from './output.js'

export interface Progress {
  readonly update: (progress: ScanProgress) => void
  readonly end: () => void
}

const WIPE = '\r\u001b[K'

export function scanProgress(): Progress {
  if (!process.stderr.isTTY) return { update: () => {}, end: () => {} }
  return {
    update: ({ queue, bucket, bytes }) => {
      process.stderr.write(`${WIPE}${formatBytes(bytes)} looked at, queue ${formatCell(queue, 30)} bucket ${bucket}`)
    },
    end: () => {
      process.stderr.write(WIPE)
    },
  }
}
