import type { SnapshotProblem } from '../../core/features/snapshots/upkeep-types.js'
import { outputWidth, wrapText } from '../output.js'

/** What is damaged, where it lies, and which parts of the state are lost by it. */
export function problemText({ id, code, message, key, paths = [] }: SnapshotProblem): string {
  const lines = wrapText(`${message} [${code}]`, outputWidth() - 2)
  if (key !== undefined) lines.push(`stored in ${key}`)
  for (const path of paths) lines.push(lostText(path))
  return [id, ...lines.map((line) => `  ${line}`)].join('\n')
}

export function lostText(path: string): string {
  return `lost: ${path === '' ? 'the whole state' : path}`
}
