// What an examination of a log can find.

/**
 * `partial_write`: the end of the log was cut by a crash before anything there was acknowledged as durable.
 * `corrupted_frame`, `truncated_segment`: stored records cannot be read any more. `damaged_header`: a segment's own header;
 * its records may still be whole. `missing_segment`: the file, blob or chunk is gone. `misplaced_segment`: a file of another log lies in
 * its place. `missing_index`: costs time only. `damaged_manifest`: what names the segments. `damaged_group`: the state of a
 * consumer group. `damaged_marks`: what a task has consumed. `damaged_history`: what ids and producers said.
 * `damaged_catalogue`: what leads from the queue's name to its log. `orphaned_file`: left by a crash or a deleted queue, nothing points to it. `unexpected_file`: not Varve's. `foreign_entry`:
 * another client of a server added it to a stream. The `_line` kinds are those of logs of text.
 */
export type AnomalyKind =
  | 'partial_write'
  | 'corrupted_frame'
  | 'truncated_segment'
  | 'damaged_header'
  | 'missing_segment'
  | 'misplaced_segment'
  | 'missing_index'
  | 'damaged_manifest'
  | 'damaged_group'
  | 'damaged_marks'
  | 'damaged_history'
  | 'damaged_catalogue'
  | 'orphaned_file'
  | 'unexpected_file'
  | 'foreign_entry'
  | 'truncated_line'
  | 'corrupted_line'

export interface Anomaly {
  readonly kind: AnomalyKind
  /** The file or blob, as the backend names it. */
  readonly path: string
  /** Byte position in it. */
  readonly position?: number
  /** Offsets that cannot be read, both ends included; absent where none is lost. */
  readonly firstOffset?: number
  readonly lastOffset?: number
  /** In words. */
  readonly detail: string
}

/** What is no damage, but good to know: whole records behind a torn write that a later session left behind. */
export interface Notice {
  readonly kind: 'torn_tail'
  /** The file, as the backend names it. */
  readonly path: string
  /** Where the valid part of it ends. */
  readonly position: number
  readonly records: number
  /** The offsets that they had, both ends included; other records have them now. */
  readonly firstOffset: number
  readonly lastOffset: number
  /** In words. */
  readonly detail: string
}

/** Something between two good stretches of frames, or behind the last. */
export interface FrameDamage {
  readonly position: number
  readonly end: number
  readonly fault: string
}

export function damagedManifest(path: string, what: string): Anomaly {
  return { kind: 'damaged_manifest', path: `${path}/manifest`, detail: `the manifest ${what}; it can be made again from the segments` }
}
