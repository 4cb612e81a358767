// What loading takes and gives: whole, by path, part by part, as bytes, or what is left of it.

import type { Json } from '../../codec/codec.js'
import type { JsonPath } from '../../engine/content/pointer.js'
import type { LostPart } from '../../engine/content/salvage-content.js'
import type { Cancellable, Handle } from '../../ports/options.js'
import type { ProgressListener } from './save-types.js'
import type { SnapshotInfo } from './types.js'

/** A place in a JSON state: a JSON Pointer (RFC 6901; `''` is the whole, `/items/3` an item), or its steps. */
export type StatePath = JsonPath

export interface LoadOptions extends Cancellable {
  readonly onProgress?: ProgressListener
}

export interface LoadPathOptions extends LoadOptions {
  /** Only this part of the state; chunks of other parts are not read. `missing` where the state has no such place, `unsupported` where it is not JSON. */
  readonly path: StatePath
}

/** A state that is read as it is asked for; every chunk is proved when it is first read. */
export interface LazySnapshot extends Handle {
  readonly info: SnapshotInfo
  /** undefined where the state has no such place. */
  get(path: StatePath, options?: Cancellable): Promise<Json | undefined>
  /** Keys of the object, or indexes of the list, there; none for what is neither. */
  keys(path: StatePath, options?: Cancellable): AsyncIterable<string>
  entries(path: StatePath, options?: Cancellable): AsyncIterable<readonly [key: string, value: Json]>
}

export type { LostPart }

export interface Salvaged<State> {
  /** Without what is lost: entries are absent, items of lists `null`, bytes 0. undefined where nothing could be read. */
  readonly state: State | undefined
  readonly lost: readonly LostPart[]
}

/** One step of a JSON Patch (RFC 6902). */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: Json }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string }
