// Small programs of snapshots, drawn from a seed: steps that name snapshots by their place among those that are there, so that
// the same program runs on any backend.

import { seededRandom } from 'varve/testing'

export type Step =
  | { readonly kind: 'save'; readonly session: string; readonly branch: string; readonly state: number }
  | { readonly kind: 'stream'; readonly session: string; readonly state: number }
  | { readonly kind: 'saveMany'; readonly sessions: readonly string[]; readonly state: number }
  | { readonly kind: 'fork'; readonly of: number; readonly session: string; readonly branch: string }
  | { readonly kind: 'tag' | 'untag' | 'pin' | 'unpin' | 'delete'; readonly of: number }
  | { readonly kind: 'deleteSession'; readonly session: string }
  | { readonly kind: 'prune'; readonly last: number }
  /** Two snapshots of each of two sessions come from another store. */
  | { readonly kind: 'copy' | 'import'; readonly state: number }
  | { readonly kind: 'collect' | 'reopen' }

export type State = readonly { readonly id: number; readonly text: string }[]

export const AGENT = 'a'
export const TAG = 'good'
export const SESSIONS = ['s', 't']
const BRANCHES = ['main', 'main', 'side']
const BLOCKS = 8
const BLOCK_ITEMS = 8

/** Each differs from the one before it in one block of eight: most of its chunks are there already. */
export function stateOf(n: number): State {
  return Array.from({ length: BLOCKS * BLOCK_ITEMS }, (_, id) => {
    const block = Math.floor(id / BLOCK_ITEMS)
    return { id, text: noise(id + 1_000 * Math.floor((n + block) / BLOCKS)) }
  })
}

/** Does not shrink much. */
export function noise(seed: number, words = 16): string {
  const random = seededRandom(seed)
  return Array.from({ length: words }, () => Math.floor(random() * 36 ** 6).toString(36)).join('')
}

/** Two saves, and then whatever comes. */
export function drawProgram(seed: number, length: number): Step[] {
  const random = seededRandom(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item
  let state = below(BLOCKS)
  const save = (): Step => ({ kind: 'save', session: pick(SESSIONS), branch: pick(BRANCHES), state: state++ })
  const draws: readonly (() => Step)[] = [
    save,
    save,
    () => ({ kind: 'stream', session: pick(SESSIONS), state: state++ }),
    () => ({ kind: 'saveMany', sessions: Array.from({ length: 2 + below(3) }, () => pick(SESSIONS)), state: state++ }),
    () => ({ kind: 'fork', of: below(99), session: pick(SESSIONS), branch: `fork ${state++}` }),
    () => ({ kind: pick(['tag', 'untag', 'pin', 'unpin'] as const), of: below(99) }),
    () => ({ kind: 'delete', of: below(99) }),
    () => ({ kind: 'delete', of: below(99) }),
    () => (below(3) === 0 ? { kind: 'deleteSession', session: pick(SESSIONS) } : { kind: 'delete', of: below(99) }),
    () => ({ kind: 'prune', last: 1 + below(2) }),
    () => ({ kind: pick(['copy', 'import'] as const), state: state++ }),
    () => ({ kind: 'collect' }),
    () => ({ kind: 'collect' }),
    () => ({ kind: 'reopen' }),
  ]
  return Array.from({ length }, (_, at) => (at < 2 ? save() : pick(draws)()))
}

/** Every kind of step, in an order in which each has something to do. */
export const EVERY_STEP: readonly Step[] = [
  { kind: 'save', session: 's', branch: 'main', state: 1 },
  { kind: 'save', session: 's', branch: 'main', state: 2 },
  { kind: 'saveMany', sessions: ['s', 't', 's', 't'], state: 5 },
  { kind: 'fork', of: 1, session: 's', branch: 'side' },
  { kind: 'fork', of: 0, session: 'u', branch: 'main' },
  { kind: 'tag', of: 2 },
  { kind: 'pin', of: 3 },
  { kind: 'save', session: 's', branch: 'side', state: 20 },
  { kind: 'delete', of: 0 },
  { kind: 'collect' },
  { kind: 'save', session: 't', branch: 'main', state: 1 },
  { kind: 'stream', session: 't', state: 3 },
  { kind: 'prune', last: 1 },
  { kind: 'unpin', of: 1 },
  { kind: 'untag', of: 1 },
  { kind: 'collect' },
  { kind: 'reopen' },
  { kind: 'save', session: 's', branch: 'main', state: 6 },
  { kind: 'import', state: 5 },
  { kind: 'copy', state: 30 },
  { kind: 'deleteSession', session: 's' },
  { kind: 'collect' },
  { kind: 'save', session: 's', branch: 'main', state: 7 },
]

/** Enough of them that tables of packs are made, pages are cut, and a collection puts small packs together. */
export const MANY_PACKS: readonly Step[] = [
  ...Array.from({ length: 16 }, (_, n): Step => ({ kind: 'save', session: 's', branch: 'main', state: n * 8 })),
  { kind: 'saveMany', sessions: Array.from({ length: 84 }, () => 's'), state: 200 },
  { kind: 'delete', of: 3 },
  { kind: 'tag', of: 2 },
  { kind: 'collect' },
  { kind: 'prune', last: 3 },
  { kind: 'collect' },
]
