// The older summaries of a session, in blobs that are never changed: so its cell stays small however many snapshots it has.
// Pages are merged as they become many, so that there are few to read.

import { fromUtf8, utf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { wrongPart } from '../../base/shape.js'
import { openEnvelope, sealEnvelope } from '../../codec/envelope.js'
import { type CachedReads, readProved } from '../../engine/cached-reads.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { newName, pageKey } from './layout.js'
import type { PageRef, SessionState } from './session.js'
import { PAGE } from './shapes.js'
import { packSummary, type Summary, type SummaryRow, unpackSummary } from './summary.js'
import type { SessionRef } from './types.js'

const JSON_CODEC = 1
/** Summaries in pages: small ones first, merged when there are so many of a size. */
const SIZES = [64, 512, 4096] as const
const MERGED = 8
/** A cell holds at most so many summaries, and so many when the others went into a page. */
const MOST_RECENT = 95
const LEFT_RECENT = 32
/** A summary with long names and metadata takes about that. */
const SUMMARY_BYTES = 600
const CACHED_SUMMARIES = 16_384

interface StoredPage extends SessionRef {
  readonly rows: readonly SummaryRow[]
}

export class SessionPages {
  readonly #blobs: BlobStore
  readonly #reads: CachedReads | undefined
  /** Where blobs are small, so are pages. */
  readonly #perBlob: number
  readonly #cache = new Map<string, readonly Summary[]>()
  #cached = 0
  #readBytes = 0

  /** `cache` where the blobs are read through one. */
  constructor(blobs: BlobStore, cache?: CachedReads) {
    this.#blobs = blobs
    this.#reads = cache
    this.#perBlob = Math.max(2, Math.floor(blobs.traits.maxBlobBytes / 2 / SUMMARY_BYTES))
  }

  /** Of pages that were read from the store. */
  get readBytes(): number {
    return this.#readBytes
  }

  /** Ascending by index. `missing` for one that was replaced: the cell says by what. */
  async read(id: string, signal?: AbortSignal): Promise<readonly Summary[]> {
    const cached = this.#cache.get(id)
    if (cached !== undefined) return cached
    const key = pageKey(id)
    const summaries = await readProved(this.#reads, key, async () => {
      const blob = await this.#blobs.get(key, signal === undefined ? {} : { signal })
      if (blob === undefined) throw new StorageError('missing', 'a page of summaries is not there', { key })
      this.#readBytes += blob.data.length
      return parsePage(openEnvelope(blob.data, 'page', key).body, key)
    })
    return this.#keep(id, summaries)
  }

  /** The state as it may be stored: with few enough summaries in the cell itself. */
  async settle(state: SessionState): Promise<SessionState> {
    const most = Math.min(MOST_RECENT, this.#perBlob)
    if (state.recent.length <= most) return state
    const left = Math.min(LEFT_RECENT, Math.floor(most / 2))
    const older = state.recent.slice(0, state.recent.length - left)
    const pages = [...state.pages, ...(await this.write(state, older))]
    return { ...state, pages: await this.#merge(state, pages), recent: state.recent.slice(-left) }
  }

  /** Puts summaries, ascending by index, into new pages. */
  async write(ref: SessionRef, summaries: readonly Summary[]): Promise<PageRef[]> {
    const most = Math.min(SIZES[2], this.#perBlob)
    const pages: PageRef[] = []
    for (let at = 0; at < summaries.length; at += most) pages.push(await this.#put(ref, summaries.slice(at, at + most)))
    return pages
  }

  async #merge(ref: SessionRef, pages: readonly PageRef[]): Promise<readonly PageRef[]> {
    let merged = pages
    for (const [level, size] of SIZES.slice(0, -1).entries()) {
      const from = smallTail(merged, size)
      const count = merged.slice(from).reduce((sum, page) => sum + page[5], 0)
      if (merged.length - from < MERGED || count > Math.min(SIZES[level + 1] as number, this.#perBlob)) continue
      const summaries = await Promise.all(merged.slice(from).map(([id]) => this.read(id)))
      merged = [...merged.slice(0, from), await this.#put(ref, summaries.flat())]
    }
    return merged
  }

  async #put({ agent, session }: SessionRef, summaries: readonly Summary[]): Promise<PageRef> {
    const id = newName()
    const page: StoredPage = { agent, session, rows: summaries.map(packSummary) }
    // Not compressed: half of it is hashes, and a list waits for it.
    await this.#blobs.put(pageKey(id), sealEnvelope({ kind: 'page', codec: JSON_CODEC }, utf8(JSON.stringify(page))))
    this.#keep(id, summaries)
    const [first, last] = [summaries[0] as Summary, summaries.at(-1) as Summary]
    return [id, first.index, last.index, first.timestamp, last.timestamp, summaries.length]
  }

  #keep(id: string, summaries: readonly Summary[]): readonly Summary[] {
    if (this.#cache.has(id)) return summaries
    this.#cache.set(id, summaries)
    this.#cached += summaries.length
    for (const [oldest, { length }] of this.#cache) {
      if (this.#cached <= CACHED_SUMMARIES) break
      this.#cache.delete(oldest)
      this.#cached -= length
    }
    return summaries
  }
}

/** Where the pages at the end begin that have at most so many summaries. */
function smallTail(pages: readonly PageRef[], size: number): number {
  let from = pages.length
  while (from > 0 && (pages[from - 1] as PageRef)[5] <= size) from--
  return from
}

/** `corrupt` for what is no page. */
export function parsePage(bytes: Uint8Array, key: string): Summary[] {
  const page = parse(bytes, key)
  const part = wrongPart(page, PAGE)
  if (part !== undefined) throw new StorageError('corrupt', 'a page of summaries holds none', { key, facts: { part } })
  return (page as StoredPage).rows.map(unpackSummary)
}

function parse(bytes: Uint8Array, key: string): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new StorageError('corrupt', 'a page of summaries does not hold JSON', { key, cause })
  }
}
