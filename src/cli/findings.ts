// What each kind of anomaly means, and what a recovery makes of it, for people. docs/doctor.md has the same at length.

import type { AnomalyKind } from '../core/compose/scan.js'

export interface Finding {
  readonly means: string
  readonly recovery: string
}

export const FINDINGS: Readonly<Record<AnomalyKind, Finding>> = {
  partial_write: {
    means: 'A crash stopped a write in the middle. Nobody was told that these records are durable.',
    recovery: 'Keeps every whole record, also behind the torn place. Without it the next writer leaves these bytes behind by itself.',
  },
  corrupted_frame: {
    means: 'Stored bytes have changed, and the records in them cannot be read. A reader stops there with an error.',
    recovery: 'Keeps every record that can be read at its offset; what was lost becomes a gap that readers pass over.',
  },
  truncated_segment: {
    means: 'The end of a file is gone, and durable records with it.',
    recovery: 'Keeps what is left. The lost offsets become a gap and are never given out again; groups that were there go back.',
  },
  damaged_header: {
    means: 'The beginning of a segment has changed. Its records may still be whole.',
    recovery: 'Writes the segment anew with all records that can be read.',
  },
  missing_segment: {
    means: 'A file that held records is gone.',
    recovery: 'Leaves a gap in its place. To have the records back, put the file back from a copy instead, and scan again.',
  },
  misplaced_segment: {
    means: 'A file of another queue, or no segment at all, lies where a segment must be.',
    recovery: 'Takes it out and leaves a gap. To have the records back, put the right file there instead, and scan again.',
  },
  missing_index: {
    means: 'The index at the end of a segment is gone. Nothing is lost, reading is slower.',
    recovery: 'Writes the segment anew with an index.',
  },
  damaged_manifest: {
    means: 'What names the segments of a log cannot be read. The segments are still there.',
    recovery: 'Makes it again from what the segments say about themselves.',
  },
  damaged_group: {
    means: 'What a consumer group had acknowledged is not known any more.',
    recovery: 'Where the log of the group is there, nothing is lost. Else it begins again, tells so, and its consumers see records again.',
  },
  damaged_marks: {
    means: 'What a task has consumed of a queue cannot be read.',
    recovery: 'Removes it: the task begins anew, and gets records again that it has had.',
  },
  damaged_history: {
    means: 'What ids and producers said is not known any more. The records are whole.',
    recovery: 'Reads it from the records again. Of records that were removed before, an append that is repeated is stored again.',
  },
  damaged_catalogue: {
    means: 'What leads from the name of a queue to its log cannot be read. The records are still there, but nobody finds them.',
    recovery: 'None: put the file back from a copy of the store, or delete the queue. Until then nothing is removed that may belong to it.',
  },
  orphaned_file: {
    means: 'Nothing points to it: a crash, or a queue that was deleted, left it behind.',
    recovery: 'Removes it. If it belongs to a queue whose entry was lost, put that back from a copy of the store first.',
  },
  unexpected_file: {
    means: 'Not a file of this log.',
    recovery: 'Removes it.',
  },
  foreign_entry: {
    means: 'Another client added an entry to a stream of the server. Appends fail while it is there.',
    recovery: 'Moves it aside, to the quarantine of the stream.',
  },
  truncated_line: {
    means: 'The last line of a log of text is not whole: a crash stopped its write.',
    recovery: 'Keeps every whole line.',
  },
  corrupted_line: {
    means: 'A line of a log of text has changed, and its record cannot be trusted.',
    recovery: 'Keeps every good line; what was lost becomes a gap that readers pass over.',
  },
}
