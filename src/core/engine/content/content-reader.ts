// A JSON content read place by place: only chunks on the way to what is asked for are read, and each is proved when it is.

import { utf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { mapOrdered } from '../../base/map-ordered.js'
import type { Json } from '../../codec/codec.js'
import type { Cancellable } from '../../ports/options.js'
import type { ChunkSource } from './chunks.js'
import { checkContentNode, damaged } from './check-node.js'
import type { ContentNode, StoredContent } from './content.js'
import { JSON_ID } from './cut-content.js'
import { mayHold } from './key-print.js'
import { type ItemPart, NodeReader } from './node-reader.js'
import { MAX_DEPTH } from './pieces.js'
import { countItems } from './parts.js'
import { type JsonPath, listIndex, pathSteps } from './pointer.js'

/** Parts of a list or map that are read at once. */
const READ_AHEAD = 4

/** A node that was come to, or, below nodes, a value. */
type Place = { readonly node: ContentNode } | { readonly value: Json }

export class ContentReader {
  readonly #source: ChunkSource
  readonly #root: ContentNode
  readonly #kept = new Map<string, ContentNode>()

  /** Reads nothing yet. `unsupported` for what is not JSON, `corrupt` for a root that no save writes. */
  constructor(source: ChunkSource, content: StoredContent) {
    if (content.codec !== JSON_ID) {
      throw new StorageError('unsupported', 'only a JSON state can be read by path; load the whole', { facts: { codec: content.codec } })
    }
    this.#source = source
    this.#root = checkContentNode(content.root)
  }

  /** undefined where the value has no such place. `invalid` for a path that is none; `corrupt` or `missing` where a chunk on the way is. */
  async get(path: JsonPath, options: Cancellable = {}): Promise<Json | undefined> {
    const reader = this.#reader(options)
    const place = await this.#find(reader, path)
    if (place === undefined) return undefined
    return 'node' in place ? await reader.value(place.node) : place.value
  }

  /** Keys of the object there, indexes of the list; none of what is neither or not there. Chunks of a list are not read for it. */
  async *keys(path: JsonPath, options: Cancellable = {}): AsyncGenerator<string> {
    const reader = this.#reader(options)
    const place = await this.#open(reader, path)
    if (place === undefined) return
    if ('value' in place) yield* keysOf(place.value)
    else if (place.node.kind === 'list') yield* indexes(place.node)
    else for await (const keys of mapOrdered(reader.parts(place.node), READ_AHEAD, (part) => keysIn(reader, part))) yield* keys
  }

  /** The same with their values; what lies in one chunk is read at once, the rest when it is come to. */
  async *entries(path: JsonPath, options: Cancellable = {}): AsyncGenerator<readonly [key: string, value: Json]> {
    const reader = this.#reader(options)
    const place = await this.#open(reader, path)
    if (place === undefined) return
    if ('value' in place) {
      yield* entriesOf(place.value)
      return
    }
    const isList = place.node.kind === 'list'
    let index = 0
    for await (const entries of mapOrdered(reader.parts(place.node), READ_AHEAD, (part) => entriesIn(reader, part, isList))) {
      for (const [key, value] of entries) yield [isList ? String(index++) : key, value]
    }
  }

  #reader({ signal }: Cancellable): NodeReader {
    return new NodeReader(this.#source, this.#kept, signal)
  }

  /** As `#find`, with the value of what has no items of its own. */
  async #open(reader: NodeReader, path: JsonPath): Promise<Place | undefined> {
    const place = await this.#find(reader, path)
    if (place === undefined || 'value' in place || place.node.kind !== 'bytes') return place
    return { value: await reader.value(place.node) }
  }

  async #find(reader: NodeReader, path: JsonPath): Promise<Place | undefined> {
    const steps = pathSteps(path)
    let place: Place | undefined = { node: this.#root }
    for (let at = 0; at < steps.length && place !== undefined; at++) {
      if ('value' in place) return inValue(place.value, steps.slice(at))
      if (place.node.kind === 'bytes') return inValue(await reader.value(place.node), steps.slice(at))
      const step = steps[at] as string
      place = place.node.kind === 'map' ? await findKey(reader, place.node, step) : await findIndex(reader, place.node, step)
    }
    return place
  }
}

async function findKey(reader: NodeReader, node: ContentNode, key: string): Promise<Place | undefined> {
  const keyText = utf8(JSON.stringify(key))
  for await (const part of reader.parts(node)) {
    if ('node' in part) {
      if (part.key === key) return { node: await reader.nested(part) }
    } else if ('text' in part || part.keys === undefined || mayHold(part.keys, keyText)) {
      const entries = await reader.entries(part)
      if (Object.hasOwn(entries, key)) return { value: entries[key] as Json }
    }
  }
  return undefined
}

/** Passes by branches by what they count. */
async function findIndex(reader: NodeReader, list: ContentNode, step: string): Promise<Place | undefined> {
  let left = listIndex(step)
  if (left === undefined) return undefined
  let node = list
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const part = node.parts.find((one) => {
      if (countItems(one) > (left as number)) return true
      left = (left as number) - countItems(one)
      return false
    })
    if (part === undefined) return undefined
    if ('node' in part) return { node: await reader.nested(part) }
    if (!('branch' in part)) return { value: (await reader.items(part))[left] as Json }
    node = await reader.branch(node, part)
  }
  throw damaged('nodes of a content lie too deep in each other', { depth: MAX_DEPTH })
}

function inValue(value: Json, steps: readonly string[]): Place | undefined {
  let found = value
  for (const step of steps) {
    if (typeof found !== 'object' || found === null) return undefined
    if (Array.isArray(found) && listIndex(step) === undefined) return undefined
    if (!Object.hasOwn(found, step)) return undefined
    found = (found as Readonly<Record<string, Json>>)[step] as Json
  }
  return { value: found }
}

function keysOf(value: Json): readonly string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

function entriesOf(value: Json): readonly (readonly [string, Json])[] {
  return typeof value === 'object' && value !== null ? Object.entries(value as Readonly<Record<string, Json>>) : []
}

function* indexes(node: ContentNode): Generator<string> {
  const count = node.parts.reduce((sum, part) => sum + countItems(part), 0)
  for (let index = 0; index < count; index++) yield String(index)
}

async function keysIn(reader: NodeReader, part: ItemPart): Promise<readonly string[]> {
  return 'node' in part ? [part.key ?? ''] : Object.keys(await reader.entries(part))
}

async function entriesIn(reader: NodeReader, part: ItemPart, isList: boolean): Promise<readonly (readonly [string, Json])[]> {
  if ('node' in part) return [[part.key ?? '', await reader.value(await reader.nested(part))]]
  if (!isList) return Object.entries(await reader.entries(part))
  return (await reader.items(part)).map((item) => ['', item])
}
