// Of the formats of files only the one that a stream has is loaded.

import { loadPart } from '../base/load-part.js'
import type { StreamFormat } from '../ports/stream-broker.js'
import type { FrameFormat } from './frame-format.js'

export async function loadFormat(name: StreamFormat = 'binary'): Promise<FrameFormat> {
  if (name === 'ndjson') return (await loadPart('the format of text', () => import('./ndjson-format.js'))).ndjsonFormat
  return (await loadPart('the binary format', () => import('./binary-format.js'))).binaryFormat
}
