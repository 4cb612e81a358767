// In which form a queue lies in files: chosen when it is created, and never another one.

import { StorageError } from '../../base/errors.js'
import type { FoundEntry } from '../../engine/catalogue.js'
import type { Backend } from '../../ports/backend.js'
import type { QueueOptions } from './types.js'

/** `invalid` for what is no format, `unsupported` where there are no files that a person could read. */
export function checkFormat(backend: Backend, format: unknown): void {
  if (format !== undefined && format !== 'binary' && format !== 'ndjson') {
    throw new StorageError('invalid', 'format is binary or ndjson', { operation: 'openQueue', facts: { format: String(format) } })
  }
  if (format === 'ndjson' && (backend.files === undefined || backend.streams !== undefined)) {
    const message = `${backend.name} has no files that could hold lines of text; use files (Node, OPFS), or copyQueue to a store of files`
    throw new StorageError('unsupported', message, {
      backend: backend.name,
      operation: 'openQueue',
      facts: { feature: 'ndjson', missing: 'files' },
    })
  }
}

/** `invalid` where something else was asked for than is stored, or a queue of text was to be compressed. */
export function checkStoredFormat(
  { entry }: FoundEntry,
  name: string,
  options: Pick<QueueOptions<unknown>, 'format' | 'compression'>,
): void {
  const { format, compression } = options
  const stored = entry.frames ?? 'binary'
  if (format !== undefined && format !== stored) {
    throw new StorageError('invalid', 'the format is fixed when a queue is created; copyQueue copies it into another one', {
      operation: 'openQueue',
      facts: { queue: name, stored, asked: format },
    })
  }
  const packed = typeof compression === 'object' ? compression.name : compression
  if (stored === 'ndjson' && packed !== undefined && packed !== 'none') {
    throw new StorageError('invalid', 'a queue of text is not compressed', {
      operation: 'openQueue',
      facts: { queue: name, compression: packed },
    })
  }
}
