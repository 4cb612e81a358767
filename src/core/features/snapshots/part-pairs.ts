// The parts of two nodes of one kind, with branches entered only where the other one does not have them, too.

import type { ContentNode, ContentPart } from '../../engine/content/content.js'
import type { NodeReader } from '../../engine/content/node-reader.js'

/** A part with a text that only equal ones have. */
export interface Unit {
  readonly part: ContentPart
  readonly text: string
}

export interface UnitPair {
  readonly a: readonly Unit[]
  readonly b: readonly Unit[]
}

/** Each pass enters a level of branches; there are no more levels than nodes may lie in each other. */
export async function openParts(reader: NodeReader, a: ContentNode, b: ContentNode): Promise<UnitPair> {
  let pair: UnitPair = { a: a.parts.map(unitOf), b: b.parts.map(unitOf) }
  for (;;) {
    const [inA, inB] = [textsOf(pair.a), textsOf(pair.b)]
    const [openA, openB] = [pair.a.filter((unit) => isOpen(unit, inB)), pair.b.filter((unit) => isOpen(unit, inA))]
    if (openA.length + openB.length === 0) return pair
    pair = { a: await enter(reader, a, pair.a, inB), b: await enter(reader, b, pair.b, inA) }
  }
}

export function unitOf(part: ContentPart): Unit {
  return { part, text: JSON.stringify(part) }
}

export function textsOf(units: readonly Unit[]): ReadonlySet<string> {
  return new Set(units.map(({ text }) => text))
}

function isOpen({ part, text }: Unit, others: ReadonlySet<string>): boolean {
  return 'branch' in part && !others.has(text)
}

async function enter(reader: NodeReader, node: ContentNode, units: readonly Unit[], others: ReadonlySet<string>): Promise<readonly Unit[]> {
  const entered = await Promise.all(
    units.map(async (unit) => {
      const { part } = unit
      if (!('branch' in part) || others.has(unit.text)) return [unit]
      return (await reader.branch(node, part)).parts.map(unitOf)
    }),
  )
  return entered.flat()
}
