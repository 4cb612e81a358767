import type { Command } from 'commander'
import { openKv } from '../index.js'
import type { Store } from '../core/derived/resolve.js'
import { kvNamespaces } from '../core/features/kv/namespaces.js'
import type { Kv, KvItem } from '../core/features/kv/types.js'
import { wholeNumber } from './arguments.js'
import { formatCell, formatJson, formatTable } from './output.js'
import { MOST_NAMES, unknownName } from './unknown-name.js'
import { addStoreSecretOptions } from './given-secret.js'
import { STORE } from './place.js'
import { withStore } from './with-store.js'

interface KvFlags {
  readonly namespace: string
  readonly prefix?: string
  readonly limit?: number
  readonly json?: true
}

type Item = KvItem<Record<string, unknown>>

export function addKv(program: Command): void {
  const kv = program.command('kv').description('look at keys and values')
  addStoreSecretOptions(kv)
  kv.command('get')
    .description('print one value as JSON')
    .argument('<store>', STORE)
    .argument('<key>', 'its key')
    .option('--namespace <name>', 'which one', 'default')
    .action(printValue)
  kv.command('list')
    .description('list keys and values')
    .argument('<store>', STORE)
    .option('--namespace <name>', 'which one', 'default')
    .option('--prefix <text>', 'only keys that begin so')
    .option('--limit <number>', 'how many', wholeNumber(1))
    .option('--json', 'one line of JSON a key')
    .action(printEntries)
}

async function printValue(directory: string, key: string, { namespace }: KvFlags): Promise<void> {
  await withStore(directory, 'read', async (store) => {
    const kv = await openKnownNamespace(store, namespace)
    const entry = await kv.entry(key)
    if (entry === undefined) throw unknownName('key', key, await keysOf(kv))
    console.log(formatJson(entry.value))
  })
}

async function printEntries(directory: string, { namespace, prefix, limit, json }: KvFlags): Promise<void> {
  await withStore(directory, 'read', async (store) => {
    const items: Item[] = []
    for await (const item of (await openKnownNamespace(store, namespace)).list({ prefix, limit })) {
      if (json) console.log(formatJson(item))
      else items.push(item)
    }
    if (!json) console.log(items.length === 0 ? 'no keys' : itemTable(items))
  })
}

async function openKnownNamespace(store: Store, name: string): Promise<Kv<Record<string, unknown>>> {
  const known = await kvNamespaces(store)
  if (known.length > 0 && !known.includes(name)) throw unknownName('namespace', name, known)
  return await openKv(store, name)
}

async function keysOf(kv: Kv<Record<string, unknown>>): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const key of kv.keys({ limit: MOST_NAMES + 1 })) keys.push(key)
  return keys
}

function itemTable(items: readonly Item[]): string {
  return formatTable<Item>(
    [
      { title: 'key', cell: ({ key }) => formatCell(key, 60) },
      { title: 'value', cell: ({ value }) => formatCell(value) },
    ],
    items,
  )
}
