// States of agents: how fast, how many bytes, and how little a long history costs.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openSnapshots, openStore } from '../../dist/index.js'
import { median, result } from '../harness.mjs'
import { bytesIn } from './backup-tools.mjs'
import { agentState, appended, changed, message } from './data.mjs'
import { savePlainly, writeTwo } from './plain-path.mjs'

const MB = 1e6
const MIB = 2 ** 20
/** Long enough for a chunk of its own. */
const NOTE = 'note '.repeat(80)
const AT = { agent: 'planner', session: 'bench' }

/** Each yields results; `scale` makes the counts smaller for a quick look. */
export const stateCases = [
  { title: '10 MB of state', run: largeState },
  { title: '10 000 small states', run: manySmall },
  { title: 'long histories', run: longHistories },
  { title: 'listing', run: listing },
  { title: 'collecting', run: collecting },
]

async function inStore(folder, work) {
  const place = mkdtempSync(join(folder, 'varve-bench-'))
  const store = await openStore('bench', { directory: join(place, 'store') })
  try {
    return await work(await openSnapshots(store), { place, directory: join(place, 'store'), store })
  } finally {
    await store.close()
    rmSync(place, { recursive: true, force: true })
  }
}

const target = ({ title, unit, values, atMost }) =>
  result({ title, peer: 'the target', unit, ours: median(values), theirs: atMost, ratios: values, gate: { atMost } })

async function* largeState({ folder, rounds }) {
  const times = { append: [], change: [], restore: [], fork: [], floor: [] }
  const shares = { append: [], change: [] }
  await inStore(folder, async (snapshots, { place }) => {
    let state = agentState(10 * MB)
    let info = await snapshots.save({ ...AT, state })
    for (let round = 0; round <= rounds * 2; round++) {
      for (const [name, step] of Object.entries({ append: appended, change: changed })) {
        state = step(state, round)
        const [ms, saved] = await timed(() => snapshots.save({ ...AT, state }))
        info = saved
        if (round > 0) times[name].push(ms)
        if (round > 0) shares[name].push((info.storedBytes / info.bytes) * 100)
      }
      const [restored] = await timed(() => snapshots.load(info.id))
      const [forked] = await timed(() => snapshots.fork(info.id, { branch: `fork ${round}` }))
      const [written] = await timed(() => writeTwo(join(place, 'two')))
      if (round === 0) continue
      times.restore.push(restored)
      times.fork.push(forked)
      times.floor.push(written)
    }
  })
  yield target({ title: '10 MB of state, 1 % appended, saved', unit: 'ms', values: times.append, atMost: 120 })
  yield target({ title: '10 MB of state, 1 % changed in one run, saved', unit: 'ms', values: times.change, atMost: 120 })
  yield target({ title: '10 MB of state, stored for 1 % appended', unit: '%', values: shares.append, atMost: 3 })
  yield target({ title: '10 MB of state, stored for 1 % changed in one run', unit: '%', values: shares.change, atMost: 3 })
  yield target({ title: '10 MB of state, restored and verified', unit: 'ms', values: times.restore, atMost: 120 })
  yield target({ title: 'fork of 10 MB of state', unit: 'ms', values: times.fork, atMost: 2 })
  yield result({
    title: 'fork of 10 MB of state',
    peer: 'two files, each synced with its name',
    unit: 'ms',
    ours: median(times.fork),
    theirs: median(times.floor),
    ratios: times.fork.map((ms, n) => ms / times.floor[n]),
  })
}

async function* manySmall({ folder, rounds, scale }) {
  const count = Math.round(10_000 * scale)
  const states = Array.from({ length: count }, (_, n) => ({ step: n, note: message(n, 4096) }))
  const times = []
  for (let round = 0; round <= rounds; round++) {
    times.push(
      await inStore(folder, async (snapshots, { place }) => {
        const ours = () => snapshots.saveMany(states.map((state) => ({ ...AT, state })))
        const peer = () => savePlainly(join(place, 'plain'), states)
        const [first, second] = round % 2 === 0 ? [ours, peer] : [peer, ours]
        const [one] = await timed(first)
        const [two] = await timed(second)
        return round % 2 === 0 ? { ours: one, peer: two } : { ours: two, peer: one }
      }),
    )
  }
  const counted = times.slice(1)
  yield result({
    title: `${count.toLocaleString('en-US')} states of 4 KiB through saveMany`,
    peer: 'JSON, SHA-256, gzip, a synced file each',
    unit: 'states/s',
    ours: median(counted.map(({ ours }) => (count * 1000) / ours)),
    theirs: median(counted.map(({ peer }) => (count * 1000) / peer)),
    ratios: counted.map(({ ours, peer }) => peer / ours),
    gate: { atLeast: 2 },
  })
}

async function* longHistories({ folder, scale }) {
  const count = Math.round(1_000 * scale)
  for (const [name, step] of Object.entries({ appended, 'changed in one run': changed })) {
    const [stored, plain] = await inStore(folder, async (snapshots, { directory }) => {
      let state = agentState(MIB)
      let bytes = 0
      for (let n = 0; n < count; n++) {
        // A window of the last messages, so that a state stays one of 1 MiB.
        if (n > 0) state = step({ ...state, messages: state.messages.slice(-MIB / 1024) }, n)
        bytes += (await snapshots.save({ ...AT, state })).bytes
      }
      return [bytesIn(directory), bytes]
    })
    yield target({
      title: `${count} snapshots of 1 MiB, 1 % ${name} in each: on disk`,
      unit: '%',
      values: [(stored / plain) * 100],
      atMost: 5,
    })
  }
}

async function* listing({ folder, rounds, scale }) {
  const many = Math.round(100_000 * scale)
  const some = Math.round(10_000 * scale)
  const times = { list: [], latest: [] }
  await inStore(folder, async (snapshots, { store }) => {
    const fill = async (agent, session, count) => {
      for (let at = 0; at < count; at += 1_000)
        await snapshots.saveMany(
          Array.from({ length: Math.min(1_000, count - at) }, (_, n) => ({ agent, session, state: { step: at + n } })),
        )
    }
    await fill('planner', 'one', some)
    for (let session = 0; session < 90; session++) await fill(`agent ${session % 9}`, `s${session}`, (many - some) / 90)
    for (let round = 0; round <= rounds * 2; round++) {
      const fresh = await openSnapshots(store) // nothing is known from before
      const [latest] = await timed(() => fresh.latest({ agent: 'agent 3', session: 's3' }))
      const [list] = await timed(async () => {
        let found = 0
        for await (const _ of fresh.list({ agent: 'planner' })) found++
        if (found !== some) throw new Error(`listed ${found} of ${some}`)
      })
      await fresh.close()
      if (round === 0) continue
      times.list.push(list)
      times.latest.push(latest)
    }
  })
  yield target({ title: `listing ${some.toLocaleString('en-US')} snapshots`, unit: 'ms', values: times.list, atMost: 50 })
  yield target({
    title: `the latest of a session among ${many.toLocaleString('en-US')} snapshots`,
    unit: 'ms',
    values: times.latest,
    atMost: 10,
  })
}

/** Each state is a chunk that no other has; of every session the older half is pruned. */
async function* collecting({ folder, scale }) {
  const sessions = 50
  const each = Math.round((1_000_000 * scale) / sessions)
  const [ms, report] = await inStore(folder, async (snapshots) => {
    for (let session = 0; session < sessions; session++) {
      for (let at = 0; at < each; at += 5_000) {
        const count = Math.min(5_000, each - at)
        await snapshots.saveMany(
          Array.from({ length: count }, (_, n) => ({
            agent: 'planner',
            session: `s${session}`,
            state: { session, n: at + n, note: NOTE },
          })),
        )
      }
    }
    await snapshots.prune({ last: each / 2 })
    return await timed(() => snapshots.collect())
  })
  if (!(report.reclaimedBytes > 0)) throw new Error('nothing was reclaimed')
  yield target({
    title: `collecting ${((sessions * each) / 1e6).toFixed(1)} M chunks, half of them dead`,
    unit: 'ms',
    values: [ms],
    atMost: 10_000,
  })
}

async function timed(work) {
  const from = performance.now()
  const value = await work()
  return [performance.now() - from, value]
}
