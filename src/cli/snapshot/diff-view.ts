// A difference between two states for people: a place, what was there, what is there now.

import { coloured } from '../colour.js'
import { formatCell, formatJson, nameText } from '../output.js'
import type { PatchStep } from './json-patch.js'

/** What is shown before the first difference of two long texts. */
const CONTEXT = 20

/** Lines of at most `width` characters, but for a long path. */
export function stepText({ path, before, after, from }: PatchStep, width: number): string {
  const place = path === '' ? 'the whole state' : nameText(path, Number.POSITIVE_INFINITY)
  const origin = from === undefined ? '' : coloured(` (from ${nameText(from, Number.POSITIVE_INFINITY)})`, 'dim')
  const skipped = commonLength(before, after)
  const lines = [`${place}${origin}`]
  if (before !== undefined) lines.push(coloured(`  - ${valueText(before, skipped, width - 4)}`, 'red'))
  if (after !== undefined) lines.push(coloured(`  + ${valueText(after, skipped, width - 4)}`, 'green'))
  return lines.join('\n')
}

export interface StepCounts {
  added: number
  removed: number
  replaced: number
}

export function countStep(counts: StepCounts, { before, after }: PatchStep): void {
  if (before === undefined) counts.added++
  else if (after === undefined) counts.removed++
  else counts.replaced++
}

/** How many characters two texts begin with alike, less some that show where it is. */
function commonLength(before: unknown, after: unknown): number {
  if (before === undefined || after === undefined) return 0
  const [one, other] = [formatJson(before), formatJson(after)]
  let at = 0
  while (at < one.length && one[at] === other[at]) at++
  return Math.max(0, at - CONTEXT)
}

/** In one line that a terminal obeys nothing of; cut in front only where it would be cut anyway. */
function valueText(value: unknown, skipped: number, width: number): string {
  const text = formatCell(value, Number.POSITIVE_INFINITY)
  if (text.length <= width || skipped === 0) return formatCell(value, width)
  const rest = `…${text.slice(skipped)}`
  return rest.length > width ? `${rest.slice(0, width - 1)}…` : rest
}
