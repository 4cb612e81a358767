import type { AppendResult } from '../../ports/stream-broker.js'
import type { Receipt } from './types.js'

/** Of an append of one record. */
export function receiptOf(bucket: number, { first, timestamp, durability, duplicate }: AppendResult): Receipt {
  const receipt = { bucket, offset: first, timestamp, durability }
  return duplicate === true ? { ...receipt, duplicate } : receipt
}

/** Of the records of one batch, in their order. */
export function receiptsOf(bucket: number, result: AppendResult, count: number): Receipt[] {
  const { first, timestamp, durability, offsets, timestamps } = result
  if (offsets === undefined) return Array.from({ length: count }, (_, index) => receiptOf(bucket, { ...result, first: first + index }))
  // A record that is new has an offset of its own, behind all that were stored before.
  let next = result.duplicate === true ? Number.POSITIVE_INFINITY : first
  return offsets.map((offset, index) => {
    const receipt = { bucket, offset, timestamp: timestamps?.[index] ?? timestamp, durability }
    if (offset < next) return { ...receipt, duplicate: true }
    next = offset + 1
    return receipt
  })
}
