// The input read once, without any store: what the analysis must come to, and the identity of the input.

import { createHash } from 'node:crypto'
import { Analysis, keyOf } from './analysis.mjs'
import { readValues } from './input.mjs'

/** { analysis, records, bytes, skipped, identity } of an input. */
export async function plainPass(input, { onProgress = () => {} } = {}) {
  const analysis = new Analysis(input.sumField)
  const hash = createHash('sha256')
  let [records, bytes, skipped] = [0, 0, 0]
  const onChunk = (chunk) => {
    hash.update(chunk)
    bytes += chunk.length
    onProgress(bytes)
  }
  for await (const value of readValues(input, { onChunk, onSkip: () => skipped++ })) {
    analysis.add(keyOf(value, input.keyField), value)
    records++
  }
  const { format, keyField, sumField } = input
  return { analysis, records, bytes, skipped, identity: JSON.stringify([format, keyField, sumField, hash.digest('hex')]) }
}
