// Saving and restoring much data next to backup tools, with the same encryption and compression on both sides.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { median, result } from '../harness.mjs'
import { bytesIn, tools } from './backup-tools.mjs'
import { changeFile, writeFile, writeFiles } from './data.mjs'
import { openOurs } from './ours.mjs'

const MIB = 2 ** 20

/** `gate`: of the first save, the second and the restore. Ours is named first in each pair of settings. */
const PAIRS = [
  { peer: 'restic', says: 'restic, both encrypted, not compressed', encryption: true, compression: 'none', theirs: 'none', gate: 1 },
  { peer: 'restic', says: 'restic, both encrypted, gzip 1 against its zstd', encryption: true, compression: 'gzip', theirs: 'default' },
  { peer: 'borg', says: 'borg, both plain', encryption: false, compression: 'none', theirs: 'none' },
  { peer: 'borg', says: 'borg, both plain, gzip 1 against its zlib 1', encryption: false, compression: 'gzip', theirs: 'default' },
]

/** Of the data, where there is no gate. */
const COMPARED_PART = 1 / 4

export async function* backupResults({ folder, rounds, mib, isThere }) {
  for (const pair of PAIRS.filter(({ peer }) => isThere(peer))) {
    const some = pair.gate === undefined ? Math.ceil(mib * COMPARED_PART) : mib
    const source = mkdtempSync(join(folder, 'source-'))
    writeFiles(join(source, 'many'), some)
    writeFile(join(source, 'one'), some)
    try {
      yield* pairResults(pair, { folder, rounds, mib: some, source })
    } finally {
      rmSync(source, { recursive: true, force: true })
    }
  }
}

async function* pairResults(pair, at) {
  const { mib } = at
  const all = []
  for (let round = 0; round <= at.rounds; round++) all.push(await oneRound(pair, at, round))
  const counted = all.slice(1)
  const rate = (side, step) => median(counted.map((one) => (mib * 1000) / one[side][step]))
  const row = (step, title, gate) =>
    result({
      title: `${title} ${mib} MiB`,
      peer: pair.says,
      unit: 'MiB/s',
      ours: rate('ours', step),
      theirs: rate('peer', step),
      ratios: counted.map(({ ours, peer }) => peer[step] / ours[step]),
      gate: gate === undefined ? undefined : { atLeast: gate },
    })
  yield row('first', 'first save of files,', pair.gate)
  yield row('restore', 'restore and verify files,', pair.gate)
  yield row('again', 'one file again after 1 % changed,', pair.gate)
  const grown = (side) => median(counted.map((one) => (one[side].added / mib / MIB) * 100))
  yield result({
    title: `stored for that 1 % of ${mib} MiB`,
    peer: pair.says,
    unit: '%',
    ours: grown('ours'),
    theirs: grown('peer'),
    ratios: counted.map(({ ours }) => (ours.added / mib / MIB) * 100),
    gate: { atMost: 3 },
  })
  yield result({
    title: `stored for the files, ${mib} MiB`,
    peer: pair.says,
    unit: 'MiB stored',
    ours: median(counted.map(({ ours }) => ours.stored / MIB)),
    theirs: median(counted.map(({ peer }) => peer.stored / MIB)),
    ratios: counted.map(({ ours, peer }) => ours.stored / peer.stored),
  })
}

/** Who goes first changes from round to round; every repository is new. */
async function oneRound(pair, at, round) {
  const place = mkdtempSync(join(at.folder, 'round-'))
  const sides = {
    ours: async (name) => openOurs({ ...pair, folder: join(place, `ours-${name}`) }),
    peer: async (name) => tools[pair.peer]({ ...pair, compression: pair.theirs, folder: join(place, `peer-${name}`) }),
  }
  const order = round % 2 === 0 ? ['ours', 'peer'] : ['peer', 'ours']
  const times = { ours: {}, peer: {} }
  try {
    for (const side of order)
      await files(await sides[side]('many'), { ...at, place, times: times[side], repository: join(place, `${side}-many`) })
    const second = {}
    for (const side of order) second[side] = await sides[side]('one')
    for (const side of order) await second[side].save(join(at.source, 'one'))
    changeFile(join(at.source, 'one'), at.mib, round)
    for (const side of order) await again(second[side], { ...at, times: times[side], repository: join(place, `${side}-one`) })
    return times
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

async function files(tool, { source, place, times, repository }) {
  times.first = await timed(() => tool.save(join(source, 'many')))
  times.stored = bytesIn(repository)
  const target = join(place, 'restored')
  times.restore = await timed(() => tool.restore(target))
  rmSync(target, { recursive: true, force: true })
  await tool.close?.()
}

async function again(tool, { source, times, repository }) {
  const before = bytesIn(repository)
  times.again = await timed(() => tool.save(join(source, 'one')))
  times.added = bytesIn(repository) - before
  await tool.close?.()
}

async function timed(work) {
  const from = performance.now()
  await work()
  return performance.now() - from
}
