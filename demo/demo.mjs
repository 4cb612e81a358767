// The demo: input -> queue -> a consumer that is killed -> another that goes on -> a comparison with a plain pass.
// A store has one owner, so the parent lets go of it while a consumer runs.

import { openQueue, openSnapshots } from 'varve'
import { Analysis, differences } from './analysis.mjs'
import { fillQueue } from './fill-queue.mjs'
import { spoolStandardInput } from './input.mjs'
import { BUCKETS, GROUP, QUEUE, SESSION, VISIBILITY_MS } from './names.mjs'
import { plainPass } from './plain-pass.mjs'
import { progressBar } from './progress.mjs'
import { seededNumber } from './random.mjs'
import { runConsumer } from './run-consumer.mjs'
import { withDirectory } from './store.mjs'

/** So many snapshots are saved on the way, so that there is one before most kills and something to replay after it. */
const SNAPSHOTS = 10
const MOST_BETWEEN_SNAPSHOTS = 50_000
const MOST_BETWEEN_REPORTS = 25

/** Runs it all with what `parseOptions` gave. The result's `problems` is empty when nothing was lost and nothing counted twice. */
export async function runDemo(options, say = () => {}) {
  if (options.input.path !== '-') return await runOn(options, say)
  const { path, remove } = await spoolStandardInput(options.directory)
  try {
    return await runOn({ ...options, input: { ...options.input, path } }, say)
  } finally {
    remove()
  }
}

async function runOn({ directory, input, seed }, say) {
  const plain = await plainPass(input)
  say(`${input.name}: ${plain.records} records, ${plain.bytes} bytes`)
  const { appended, ms: appendMs, lag } = await fill({ directory, input, plain })
  say(appended === 0 ? 'nothing to append: the queue holds all of it' : `appended ${appended} records`)
  const { killedAt, counters } = await consume({ directory, input, seed, records: plain.records, lag }, say)
  const { problems, snapshots } = await compare({ directory, input, plain })
  return { plain, appended, appendMs, killedAt, counters, snapshots, problems, seed, directory }
}

async function fill({ directory, input, plain }) {
  return await withQueue(directory, async (store, queue) => {
    const progress = progressBar('append', plain.bytes)
    const filled = await fillQueue({ store, queue, input, plain, onProgress: progress.update })
    progress.end()
    const group = await queue.group(GROUP, { visibilityMs: VISIBILITY_MS })
    return { ...filled, lag: (await group.lag()).total }
  })
}

async function consume({ directory, input, seed, records, lag }, say) {
  const every = Math.min(MOST_BETWEEN_SNAPSHOTS, Math.max(1, Math.ceil(records / SNAPSHOTS)))
  const reportEvery = Math.min(MOST_BETWEEN_REPORTS, Math.max(1, Math.floor(lag / SNAPSHOTS)))
  const job = { directory, sumField: input.sumField, every, reportEvery }
  let killedAt
  if (lag > 0) {
    const progress = progressBar('consume', lag)
    const killed = await runConsumer(job, { killAt: seededNumber(seed, lag), onProgress: progress.update })
    progress.end()
    killedAt = killed.taken
    say(`killed the consumer with SIGKILL after ${killedAt} of ${lag} records`)
  }
  const progress = progressBar('go on', lag)
  const counters = await runConsumer(job, { onProgress: (taken) => progress.update((killedAt ?? 0) + taken) })
  progress.end()
  if (killedAt !== undefined) say(`another took over the stale lock after ${Math.round(counters.waitedMs)} ms and went on to the end`)
  return { killedAt, counters }
}

async function compare({ directory, input, plain }) {
  return await withQueue(directory, async (store, queue) => {
    const snapshots = await openSnapshots(store)
    const info = await snapshots.latest(SESSION)
    const state = info === undefined ? [] : await snapshots.load(info.id)
    const problems = differences(plain.analysis, new Analysis(input.sumField, state))
    const ends = (await queue.stats()).buckets.map(({ next }) => next)
    const stored = ends.reduce((sum, next) => sum + next, 0)
    if (stored !== plain.records) problems.push(`the log holds ${stored} records, the input ${plain.records}`)
    const covered = info?.metadata.offsets ?? ends.map(() => 0)
    if (covered.join() !== ends.join()) problems.push(`the last snapshot covers ${covered}, the log ends at ${ends}`)
    return { problems, snapshots: info === undefined ? 0 : info.index + 1 }
  })
}

async function withQueue(directory, use) {
  return await withDirectory(directory, async (store) => await use(store, await openQueue(store, QUEUE, { buckets: BUCKETS })))
}
