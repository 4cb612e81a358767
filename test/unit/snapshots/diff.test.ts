import fc from 'fast-check'
import { applyPatch } from 'rfc6902'
import { describe, expect, test } from 'vitest'
import { encodeValue } from '../../../dist/core/codec/codecs.js'
import { jsonCodec } from '../../../dist/core/codec/json.js'
import { structuredCodec } from '../../../dist/core/codec/structured.js'
import { cutContent } from '../../../dist/core/engine/content/cut-content.js'
import { storeContent } from '../../../dist/core/engine/content/store-content.js'
import { alignLists } from '../../../dist/core/features/snapshots/align.js'
import { diffContents } from '../../../dist/core/features/snapshots/diff-contents.js'
import { diffValues } from '../../../dist/core/features/snapshots/diff-values.js'
import type { PatchOperation } from '../../../dist/core/features/snapshots/read-types.js'
import { MemoryChunks } from '../engine/content/memory-chunks.js'
import { StateMaker } from '../engine/content/states.js'

type Operations = Parameters<typeof applyPatch>[1]

/** By a library that knows nothing of ours. */
function patched(value: unknown, patch: readonly PatchOperation[]): unknown {
  const document = { whole: structuredClone(value) }
  const operations = structuredClone(patch).map((operation) => ({ ...operation, path: `/whole${operation.path}` })) as Operations
  expect(applyPatch(document, operations).filter((result) => result !== null)).toEqual([])
  return document.whole
}

async function contentDiff(a: unknown, b: unknown): Promise<{ patch: readonly PatchOperation[]; leaves: number }> {
  const chunks = new MemoryChunks()
  const store = async (value: unknown) => (await storeContent(cutContent(encodeValue(jsonCodec, value)), chunks)).root
  const [rootA, rootB] = [await store(a), await store(b)]
  chunks.gets.length = 0
  const patch = await diffContents(chunks, rootA, rootB)
  return { patch, leaves: chunks.gets.filter((id) => chunks.chunks.get(id)?.kind === 'leaf').length }
}

/** Without `__proto__`: the library refuses it, as it should. */
const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, 1, 2, 'a', 'b', '/~', ''),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', '/', '~', '~1', '', '0', 'x y'), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value

/** A large state and what has become of it: edits of all sorts, in a few places. */
const edited = fc.record({ seed: fc.integer(), edits: fc.integer({ min: 1, max: 12 }) }).map(({ seed, edits }) => {
  const maker = new StateMaker(seed)
  const state = {
    messages: maker.messages(200) as unknown[],
    notes: Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`note/${index}`, maker.text(30)])) as Record<string, unknown>,
    long: maker.text(20_000),
    nested: { list: [maker.messages(20), maker.messages(20), 3, maker.messages(20)] as unknown[] } as Record<string, unknown>,
  }
  const after = structuredClone(state)
  const pick = (count: number): number => Math.floor(maker.random() * count)
  const changes = [
    () => after.messages.splice(pick(after.messages.length), 1),
    () => after.messages.splice(pick(after.messages.length), 0, ...maker.messages(pick(5))),
    () => after.messages.push(maker.message(), pick(3)),
    () => Object.assign((after.messages[pick(after.messages.length)] ?? {}) as object, { content: 'changed', extra: [1] }),
    () => after.messages.reverse(),
    () => {
      after.notes[`note/${pick(450)}`] = maker.text(10)
    },
    () => delete after.notes[`note/${pick(400)}`],
    () => {
      after.long = `${after.long.slice(0, 9000)}!${after.long.slice(9000)}`
    },
    () => Array.isArray(after.nested.list) && after.nested.list.splice(pick(4), 1, maker.messages(pick(30))),
    () => {
      after.nested = { other: after.nested, list: pick(2) === 0 ? 'no list' : { key: maker.messages(15) } }
    },
    () => {
      after.messages = after.messages.slice(pick(30))
    },
  ]
  for (let edit = 0; edit < edits; edit++) changes[pick(changes.length)]?.()
  return { state, after }
})

describe('the difference of two values', () => {
  test('turns the first into the second, by any JSON Patch', () => {
    fc.assert(
      fc.property(jsonValue, jsonValue, (a, b) => {
        expect(patched(a, diffValues(a, b))).toEqual(b)
      }),
      { numRuns: 500 },
    )
  })

  test('of equal ones is empty, whatever the order of keys', () => {
    fc.assert(fc.property(jsonValue, (value) => void expect(diffValues(value, structuredClone(value))).toEqual([])))
    expect(diffValues({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 })).toEqual([])
  })

  test('says no more than what changed', () => {
    const list = Array.from({ length: 1000 }, (_, index) => ({ index }))
    const [without, more, other] = [[...list], [...list], [...list]]
    without.splice(500, 1)
    expect(diffValues(list, without)).toEqual([{ op: 'remove', path: '/500' }])
    more.splice(3, 0, { index: -1 })
    expect(diffValues(list, more)).toEqual([{ op: 'add', path: '/3', value: { index: -1 } }])
    other[7] = { index: 8000 }
    expect(diffValues({ list }, { list: other })).toEqual([{ op: 'replace', path: '/list/7/index', value: 8000 }])
    expect(diffValues({ 'a/b': { '~': 1 } }, { 'a/b': {} })).toEqual([{ op: 'remove', path: '/a~1b/~0' }])
    expect(diffValues(1, [1])).toEqual([{ op: 'replace', path: '', value: [1] }])
  })

  test('treats __proto__ as a key like any other', () => {
    const [a, b] = [JSON.parse('{"__proto__":{"x":1}}'), JSON.parse('{"__proto__":{"x":2},"constructor":3}')] as [unknown, unknown]
    expect(diffValues(a, b)).toEqual([
      { op: 'replace', path: '/__proto__/x', value: 2 },
      { op: 'add', path: '/constructor', value: 3 },
    ])
    expect(diffValues({}, a)).toEqual([{ op: 'add', path: '/__proto__', value: { x: 1 } }])
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  test('replaces what is not JSON where it is not equal', () => {
    const textOf = (value: unknown): string => Buffer.from(structuredCodec.encode(value)).toString('latin1')
    const a = { when: new Date(0), set: new Set([1]), n: 1n, same: new Map([[1, { a: 1 }]]), list: [new Date(1), 2] }
    const b = { when: new Date(5), set: new Set([1, 2]), n: 1n, same: new Map([[1, { a: 1 }]]), list: [2, new Date(2)] }
    expect(diffValues(a, b, textOf)).toEqual([
      { op: 'replace', path: '/when', value: b.when },
      { op: 'replace', path: '/set', value: b.set },
      { op: 'remove', path: '/list/0' },
      { op: 'add', path: '/list/1', value: new Date(2) },
    ])
  })

  test('of lists that have nothing in common goes from item to item', () => {
    const [a, b] = [Array.from({ length: 5000 }, (_, index) => index), Array.from({ length: 6000 }, (_, index) => `${index}`)]
    const patch = diffValues(a, b)
    expect(patch).toHaveLength(6000)
    expect(patched(a, patch)).toEqual(b)
  })
})

describe('the alignment of two lists', () => {
  const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 })

  test('accounts for every item, and what it calls the same is', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        let [fromA, fromB] = [0, 0]
        for (const { same, removed, added } of alignLists(a, b)) {
          expect(a.slice(fromA, fromA + same)).toEqual(b.slice(fromB, fromB + same))
          fromA += same + removed
          fromB += same + added
        }
        expect([fromA, fromB]).toEqual([a.length, b.length])
      }),
    )
  })

  test('has as few edits as there can be', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const edits = alignLists(a, b).reduce((sum, { removed, added }) => sum + removed + added, 0)
        expect(edits).toBe(a.length + b.length - 2 * longestCommon(a, b))
      }),
    )
  })
})

describe('the difference of two contents', () => {
  test('turns the first into the second, by any JSON Patch', async () => {
    await fc.assert(
      fc.asyncProperty(edited, async ({ state, after }) => {
        expect(patched(state, (await contentDiff(state, after)).patch)).toEqual(after)
        expect(patched(after, (await contentDiff(after, state)).patch)).toEqual(state)
      }),
      { numRuns: 40 },
    )
  })

  test('of small ones is that of their values', async () => {
    await fc.assert(
      fc.asyncProperty(jsonValue, jsonValue, async (a, b) => {
        expect((await contentDiff(a, b)).patch).toEqual(diffValues(a, b))
      }),
    )
  })

  test('reads no leaf that both have', async () => {
    const maker = new StateMaker(1)
    const state = { messages: maker.messages(2000), byId: Object.fromEntries(maker.messages(1000).map((message) => [message.id, message])) }
    expect(await contentDiff(state, structuredClone(state))).toEqual({ patch: [], leaves: 0 })
    const appended = { ...state, messages: [...state.messages, maker.message()] }
    const { patch, leaves } = await contentDiff(state, appended)
    expect(patch).toEqual([{ op: 'add', path: '/messages/2000', value: appended.messages[2000] }])
    expect(leaves).toBeLessThanOrEqual(4)
    const changed = structuredClone(state)
    changed.byId.m2500 = { ...maker.message(), role: 'changed' }
    changed.messages.splice(1000, 1)
    const both = await contentDiff(state, changed)
    expect(both.patch.filter(({ path }) => path.startsWith('/messages'))).toEqual([{ op: 'remove', path: '/messages/1000' }])
    expect(both.patch.filter(({ path }) => path.startsWith('/byId')).every(({ path }) => path.startsWith('/byId/m2500/'))).toBe(true)
    expect(both.leaves).toBeLessThanOrEqual(12)
  })

  test('of a large item that changes goes into it, and into nothing else', async () => {
    const maker = new StateMaker(2)
    const state = { runs: Array.from({ length: 10 }, () => ({ steps: maker.messages(30), done: false })) }
    const after = structuredClone(state)
    ;(after.runs[4] as { done: boolean }).done = true
    expect((await contentDiff(state, after)).patch).toEqual([{ op: 'replace', path: '/runs/4/done', value: true }])
  })

  test('is told where a chunk that differs is damaged', async () => {
    const chunks = new MemoryChunks()
    const store = async (value: unknown) => (await storeContent(cutContent(encodeValue(jsonCodec, value)), chunks)).root
    const maker = new StateMaker(3)
    const messages = maker.messages(300)
    const [a, b] = [await store(messages), await store([...messages, maker.message()])]
    await diffContents(chunks, a, b)
    chunks.damage(chunks.gets.at(-1) as string)
    await expect(diffContents(chunks, a, b)).rejects.toMatchObject({ code: 'corrupt' })
  })
})

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0)
  for (const item of a) {
    const next = [0]
    for (let at = 0; at < b.length; at++) {
      next.push(item === b[at] ? (row[at] as number) + 1 : Math.max(row[at + 1] as number, next[at] as number))
    }
    row = next
  }
  return row[b.length] as number
}
