// The code of README and of the pages beside it. The words behind the opening fence say where a block runs:
//   ```ts node      a program for Node            ```ts worker    a module Worker with the bindings BUCKET (R2) and KV
//   ```ts browser   a module of a page            ```ts shape     a declaration to read, neither compiled nor run
// `more` as a third word continues the block before it. Every block of TypeScript or JavaScript says one of them.

import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { root } from '../package/project.js'

const PLACES = ['node', 'worker', 'browser', 'shape'] as const
export type Place = Exclude<(typeof PLACES)[number], 'shape'>

const PAGES = [
  'README.md',
  'docs/backup.md',
  'docs/queues.md',
  'docs/snapshots.md',
  'docs/codecs.md',
  'docs/encryption.md',
  'docs/langgraph.md',
  'docs/observability.md',
]

export interface Snippet {
  readonly place: Place
  /** Line of its page where it begins. */
  readonly line: number
  /** `node-31.ts`; on another page than README `queues-node-31.ts`. */
  readonly file: string
  readonly code: string
}

/** The runnable blocks of a text in order. Throws for a block of code that does not say where it runs. */
export function snippetsOf(markdown: string, page = 'README.md'): readonly Snippet[] {
  const prefix = page === 'README.md' ? '' : `${basename(page, '.md')}-`
  const snippets: Snippet[] = []
  for (const { info, line, code } of fences(markdown)) {
    const [language = '', word = '', more] = info.split(/\s+/)
    if (!/^(ts|js|typescript|javascript|mjs|mts)$/.test(language)) continue
    const place = PLACES.find((one) => one === word)
    if (place === undefined) throw new Error(`${page} line ${line}: a block of code says where it runs: ${PLACES.join(', ')}`)
    if (place === 'shape') continue
    const before = snippets.at(-1)
    if (more === 'more' && before?.place === place) snippets[snippets.length - 1] = { ...before, code: `${before.code}\n${code}` }
    else snippets.push({ place, line, file: `${prefix}${place}-${line}.ts`, code })
  }
  return snippets
}

export async function readmeSnippets(): Promise<readonly Snippet[]> {
  const pages = await Promise.all(PAGES.map(async (page) => snippetsOf(await readFile(join(root, page), 'utf8'), page)))
  return pages.flat()
}

interface Fence {
  readonly info: string
  readonly line: number
  readonly code: string
}

function* fences(markdown: string): Iterable<Fence> {
  let open: { info: string; line: number; mark: string; body: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^\s*(`{3,}|~{3,})(.*)$/.exec(line)
    if (open === undefined && fence !== null) open = { info: (fence[2] ?? '').trim(), line: index + 1, mark: fence[1] ?? '', body: [] }
    else if (open !== undefined && fence?.[1]?.startsWith(open.mark) && fence[2]?.trim() === '') {
      yield { info: open.info, line: open.line, code: `${open.body.join('\n')}\n` }
      open = undefined
    } else open?.body.push(line)
  }
}
