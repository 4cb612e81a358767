// What is kept here: a text of the visitor's, and the messages of an agent that can be run for a while, so that there is a
// state which grows as real ones do.

import type { SnapshotInfo, Snapshots } from 'varve'
import { TAB } from '../orders.js'

export interface Page {
  readonly text: string
  readonly savedBy: string
  readonly messages: readonly Message[]
}

export interface Message {
  readonly id: number
  readonly role: 'user' | 'assistant'
  readonly content: string
}

export const PLACE = { agent: 'playground', session: 'page' }

const STEPS = 10
const MESSAGES_A_STEP = 20
const SAID = 'the lake laid down another layer, and the core we drew from it shows the winter as a thin dark line; '

export function savedHere(text: string, messages: readonly Message[] = []): Page {
  return { text, savedBy: `tab ${TAB}`, messages }
}

/** The newest of a branch; an empty page where there is none. */
export async function pageOf(snapshots: Snapshots<Page>, branch: string): Promise<Page> {
  const latest = await snapshots.latest({ ...PLACE, branch })
  return latest === undefined ? savedHere('') : await snapshots.load(latest.id)
}

/** Twenty messages a step, a snapshot after each. */
export async function runAgent(snapshots: Snapshots<Page>, branch: string, saved: (info: SnapshotInfo) => void): Promise<void> {
  let page = await pageOf(snapshots, branch)
  for (let step = 0; step < STEPS; step++) {
    page = savedHere(page.text, [...page.messages, ...messagesAfter(page.messages.length)])
    saved(await snapshots.save({ ...PLACE, branch, state: page, description: `step ${step + 1} of an agent` }))
  }
}

function messagesAfter(from: number): Message[] {
  return Array.from({ length: MESSAGES_A_STEP }, (_, n) => {
    const id = from + n
    return { id, role: id % 2 === 0 ? 'user' : 'assistant', content: `${id}: ${SAID.repeat(1 + (id % 4))}` }
  })
}
