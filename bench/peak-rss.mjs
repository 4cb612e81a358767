// Loaded before the program in a process whose memory is measured: leaves its peak in a file of VARVE_PEAK_DIRECTORY, at its
// end and, because it may be killed, four times a second.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const STATUS = '/proc/self/status'
const file = join(process.env.VARVE_PEAK_DIRECTORY ?? '.', String(process.pid))

/** In KiB. The kernel's own mark for this program: resource usage also knows the process that it was started from. */
function peakKib() {
  if (existsSync(STATUS)) return Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync(STATUS, 'utf8'))?.[1])
  return process.resourceUsage().maxRSS
}

const save = () => writeFileSync(file, String(peakKib()))
// The compiler that the demo starts first is no part of it.
if (!/[\\/]tsc$/.test(process.argv[1] ?? '')) {
  process.on('exit', save)
  setInterval(save, 250).unref()
}
