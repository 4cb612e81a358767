// What a group costs on the same queue when more is asked of it: order by key, a long list of pending deliveries, a thousand
// groups that nobody uses; and on Redis, next to the commands written by hand.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openQueue, openStore } from '../../dist/index.js'
import { TURNS } from '../harness.mjs'
import { makeRecords } from '../payload.mjs'

const RECEIVE = 100
const PER_TURN = 2_000
const FEW_PENDING = 1_000
const MANY_PENDING = 100_000
const IDLE_GROUPS = 1_000
/** A delivery stays with its consumer until the case is over. */
const VISIBILITY_MS = 3_600_000

/** The cases for the harness. `gate` is the least of our rate divided by the other's. */
export function queueCases(folder) {
  return [
    {
      title: `on Redis, receive ${RECEIVE} and ack`,
      peer: 'XREADGROUP and XACK by hand',
      gate: 0.8,
      records: PER_TURN,
      open: async () => {
        const { redisSides } = await import('./redis.mjs') // its client may not be installed
        return redisSides(folder, { records: PER_TURN, limit: RECEIVE })
      },
    },
    {
      title: `ordering by key, receive ${RECEIVE} and ack`,
      peer: 'the same without order',
      gate: 0.5,
      records: PER_TURN,
      open: () => inFiles(folder, (queue) => twoGroups(queue, { ours: { ordering: 'key' }, peer: { ordering: 'none' } })),
    },
    {
      title: `${thousands(MANY_PENDING)} pending, receive ${RECEIVE} and ack`,
      peer: `the same with ${thousands(FEW_PENDING)} pending`,
      gate: 0.5,
      records: PER_TURN,
      open: () => inFiles(folder, manyPending),
    },
    {
      title: `${thousands(IDLE_GROUPS)} idle groups, append, receive and ack`,
      peer: 'the same with none',
      gate: 0.9,
      records: PER_TURN,
      open: () => idleGroups(folder),
    },
  ]
}

/** A queue in files of its own; both sides work on it, each with its own group. */
async function inFiles(folder, sidesOf) {
  const { queue, close } = await openFiles(folder)
  try {
    return { ...(await sidesOf(queue)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function twoGroups(queue, options) {
  const groups = {}
  for (const [side, ordering] of Object.entries(options))
    groups[side] = await queue.group(side, { ...ordering, visibilityMs: VISIBILITY_MS })
  return sides(queue, groups)
}

async function manyPending(queue) {
  const options = { maxPending: MANY_PENDING + PER_TURN, visibilityMs: VISIBILITY_MS }
  const groups = { ours: await queue.group('many', options), peer: await queue.group('few', options) }
  await fill(queue, MANY_PENDING)
  await hold(groups.ours, MANY_PENDING)
  await groups.peer.seek(0, MANY_PENDING - FEW_PENDING)
  await hold(groups.peer, FEW_PENDING)
  return sides(queue, groups)
}

/** Both sides find the records of a turn waiting. */
async function sides(queue, groups) {
  await fill(queue, PER_TURN * TURNS)
  const work = (group) => async () => consume(group, PER_TURN)
  return { ours: work(groups.ours), peer: work(groups.peer) }
}

async function idleGroups(folder) {
  const busy = await openFiles(folder)
  const plain = await openFiles(folder)
  const close = async () => {
    await busy.close()
    await plain.close()
  }
  for (let number = 0; number < IDLE_GROUPS; number++) await busy.queue.group(`idle-${number}`)
  const work = async ({ queue }) => {
    const group = await queue.group('busy')
    return async () => {
      await fill(queue, PER_TURN)
      await consume(group, PER_TURN)
    }
  }
  return { ours: await work(busy), peer: await work(plain), close }
}

async function openFiles(folder) {
  const place = mkdtempSync(join(folder, 'varve-bench-'))
  const store = await openStore('bench', { directory: join(place, 'store') })
  const queue = await openQueue(store, 'orders')
  const close = async () => {
    await store.close()
    rmSync(place, { recursive: true, force: true })
  }
  return { queue, close }
}

/** Received and left there. */
async function hold(group, count) {
  for (let held = 0; held < count; ) held += (await group.receive({ limit: Math.min(1_000, count - held) })).length
}

async function fill(queue, count) {
  const records = makeRecords(1_000)
  for (let left = count; left > 0; left -= records.length) await queue.appendRecords(records.slice(0, left))
}

async function consume(group, count) {
  for (let done = 0; done < count; ) {
    const deliveries = await group.receive({ limit: Math.min(RECEIVE, count - done), waitMs: 1_000 })
    if (deliveries.length === 0) throw new Error('the group has nothing left to deliver')
    await group.ack(deliveries)
    done += deliveries.length
  }
}

function thousands(number) {
  return number.toLocaleString('en-US')
}
