// What a report says about the machine: nothing that tells whose it is.

import { statfsSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'

const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x01021994, 'tmpfs'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
])

/** Facts by name; the file system is the one of `folder`. */
export function describeMachine(folder) {
  const [cpu] = cpus()
  const fileSystem = statfsSync(folder).type
  return {
    system: `${type()} ${release()}`,
    processor: `${cpus().length} x ${cpu?.model.trim() || process.arch}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    'file system': FILE_SYSTEMS.get(fileSystem) ?? `type 0x${fileSystem.toString(16)}`,
    node: process.version,
    'load before': loadavg()[0]?.toFixed(1) ?? 'unknown',
  }
}
