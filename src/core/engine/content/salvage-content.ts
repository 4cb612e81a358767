// What can still be read of a damaged content, and a list of what cannot. Whatever verifies is given back; entries of maps that are
// lost are absent, items of lists are `null`, so that the others keep their places.

import { isStorageError, StorageError, type StorageErrorCode } from '../../base/errors.js'
import { each, mapOrdered } from '../../base/map-ordered.js'
import type { Json } from '../../codec/codec.js'
import type { Cancellable } from '../../ports/options.js'
import { checkContentNode, damaged } from './check-node.js'
import type { ChunkId, ChunkSource } from './chunks.js'
import type { ContentNode, ContentPart, StoredContent } from './content.js'
import { BYTES_ID, JSON_ID } from './cut-content.js'
import { setOwn } from './json-text.js'
import { NodeReader } from './node-reader.js'
import { countItems, partBytes } from './parts.js'
import { MAX_DEPTH } from './pieces.js'
import { below } from './pointer.js'
import { readContent, readLeaf } from './read-content.js'

export interface LostPart {
  /** JSON Pointer (RFC 6901): of the first item lost, of a list; of the map itself, whose lost keys nobody knows. */
  readonly path: string
  readonly code: StorageErrorCode
  readonly message: string
  /** The chunk that is damaged or missing, where it is one. */
  readonly chunk?: ChunkId
}

export interface SalvagedContent {
  /** undefined where nothing could be read. */
  readonly value: unknown
  readonly lost: readonly LostPart[]
}

const READ_AHEAD = 8
/** More items than this are not made up for, in all lists together: a count is the word of a node alone. */
const MAX_NULLS = 1_000_000
/** Nor more bytes: so is a length. */
const MAX_ZEROS = 256 * 1024 * 1024
/** Memory that is taken before anything was read. */
const TRUSTED_BYTES = 16 * 1024 * 1024

/**
 * Reads what is left. Bytes keep their length, with zeros where they are lost (`unsupported` where those are more than 256 MiB);
 * of other values that are not JSON, `decode` gets the whole or nothing is given back. Throws what is no damage, as `unavailable`.
 */
export async function salvageContent(
  source: ChunkSource,
  content: StoredContent,
  decode: (bytes: Uint8Array) => unknown,
  options: Cancellable = {},
): Promise<SalvagedContent> {
  const salvage = new Salvage(source, options)
  const value = await salvage.whole(content, decode)
  return { value, lost: salvage.lost }
}

type Loaded = { readonly node: ContentNode } | { readonly items: readonly Json[] } | { readonly entries: Readonly<Record<string, Json>> }

/** Where the items of a list or map go. */
interface Target {
  readonly path: string
  readonly list?: Json[]
  readonly map?: Record<string, unknown>
}

class Salvage {
  readonly lost: LostPart[] = []
  readonly #source: ChunkSource
  readonly #options: Cancellable
  readonly #reader: NodeReader
  #nulls = 0
  #zeros = 0

  constructor(source: ChunkSource, options: Cancellable) {
    this.#source = source
    this.#options = options
    this.#reader = new NodeReader(source, new Map(), options.signal)
  }

  whole(content: StoredContent, decode: (bytes: Uint8Array) => unknown): Promise<unknown> {
    return this.#attempt('', 'the whole', async () => {
      const root = checkContentNode(content.root)
      if (content.codec === JSON_ID) return await this.#value(root, '', 0)
      if (content.codec === BYTES_ID) return await this.#bytes(root)
      return decode(await readContent(this.#source, content, this.#options))
    })
  }

  async #value(node: ContentNode, path: string, depth: number): Promise<Json | undefined> {
    if (depth > MAX_DEPTH) throw damaged('nodes of a content lie too deep in each other', { depth })
    if (node.kind === 'bytes') return await this.#attempt(path, 'the value', () => this.#reader.value(node))
    const target: Target = node.kind === 'list' ? { path, list: [] } : { path, map: {} }
    await this.#fill(target, node, depth)
    return (target.list ?? target.map) as Json
  }

  async #fill(target: Target, node: ContentNode, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw damaged('nodes of a content lie too deep in each other', { depth })
    const loaded = mapOrdered(each(node.parts), READ_AHEAD, async (part) => ({ part, ...(await this.#tryLoad(node, part)) }))
    for await (const { part, found, error } of loaded) {
      if (found === undefined) this.#loseItems(target, part, error)
      else if (!('node' in found)) addItems(target, found)
      else if ('branch' in part) await this.#fill(target, found.node, depth + 1)
      else await this.#addNested(target, part, found.node, depth + 1)
    }
  }

  async #tryLoad(node: ContentNode, part: ContentPart): Promise<{ readonly found?: Loaded; readonly error?: unknown }> {
    try {
      return { found: await this.#load(node, part) }
    } catch (error) {
      return { error }
    }
  }

  async #load(node: ContentNode, part: ContentPart): Promise<Loaded> {
    if ('branch' in part) return { node: await this.#reader.branch(node, part) }
    if ('node' in part) return { node: await this.#reader.nested(part) }
    return node.kind === 'list' ? { items: await this.#reader.items(part) } : { entries: await this.#reader.entries(part) }
  }

  async #addNested({ path, list, map }: Target, part: ContentPart, node: ContentNode, depth: number): Promise<void> {
    const key = 'key' in part ? (part.key as string) : ''
    const value = await this.#value(node, below(path, list?.length ?? key), depth)
    if (list !== undefined) list.push(value ?? null)
    else if (map !== undefined && value !== undefined) setOwn(map, key, value)
  }

  #loseItems({ path, list }: Target, part: ContentPart, error: unknown): void {
    const count = countItems(part)
    if (list === undefined) {
      const key = 'key' in part ? part.key : undefined
      this.#lose(key === undefined ? path : below(path, key), key === undefined ? `${count} of its entries` : 'the value', error)
      return
    }
    this.#lose(below(path, list.length), count === 1 ? 'the value' : `${count} items from here on`, error)
    for (let left = count; left > 0 && this.#nulls < MAX_NULLS; left--) {
      list.push(null)
      this.#nulls++
    }
  }

  /** Bytes stay where they were. */
  async #bytes(root: ContentNode): Promise<Uint8Array> {
    let whole = allocate(Math.min(root.bytes, TRUSTED_BYTES))
    let at = 0
    const set = (bytes: Uint8Array): void => {
      if (at + bytes.length > whole.length) whole = enlarged(whole, at + bytes.length, root.bytes)
      whole.set(bytes, at)
    }
    const fill = async (node: ContentNode, depth: number): Promise<void> => {
      if (depth > MAX_DEPTH) throw damaged('nodes of a content lie too deep in each other', { depth })
      for (const part of node.parts) {
        const end = at + partBytes(part)
        await this.#attempt('', `bytes ${at} to ${end}`, async () => {
          if ('branch' in part) await fill(await this.#reader.branch(node, part), depth + 1)
          else if ('leaf' in part) set(await readLeaf(this.#source, part, this.#options.signal))
          at = end
        })
        this.#makeUp(end - at)
        at = end
      }
    }
    await fill(root, 0)
    return whole.length === root.bytes ? whole : enlarged(whole, root.bytes, root.bytes)
  }

  #makeUp(bytes: number): void {
    this.#zeros += bytes
    if (this.#zeros <= MAX_ZEROS) return
    const facts = { bytes: this.#zeros, maxBytes: MAX_ZEROS }
    throw new StorageError('unsupported', 'more bytes are lost than are made up for', { facts })
  }

  async #attempt<Result>(path: string, what: string, read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read()
    } catch (error) {
      this.#lose(path, what, error)
      return undefined
    }
  }

  #lose(path: string, what: string, error: unknown): void {
    if (!isStorageError(error, 'corrupt') && !isStorageError(error, 'missing')) throw error
    const { id, expected } = error.facts
    const chunk = [id, expected].find((fact) => typeof fact === 'string' && fact.length === 44) as ChunkId | undefined
    this.lost.push({ path, code: error.code, message: `${what}: ${error.message}`, ...(chunk === undefined ? {} : { chunk }) })
  }
}

function addItems({ list, map }: Target, found: Loaded): void {
  if ('items' in found) for (const item of found.items) list?.push(item)
  else if ('entries' in found) for (const [key, value] of Object.entries(found.entries)) setOwn(map as Record<string, unknown>, key, value)
}

/** With room for `needed` bytes at least, of `total` in the end. */
function enlarged(bytes: Uint8Array, needed: number, total: number): Uint8Array {
  const grown = allocate(Math.min(total, Math.max(needed, bytes.length * 2)))
  grown.set(bytes)
  return grown
}

function allocate(bytes: number): Uint8Array {
  try {
    return new Uint8Array(bytes)
  } catch (cause) {
    throw new StorageError('unsupported', 'a content is too large to be held in memory', { facts: { bytes }, cause })
  }
}
