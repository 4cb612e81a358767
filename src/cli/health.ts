import type { Command } from 'commander'
import type { StorageHealth } from '../core/ports/backend.js'
import { formatJson, formatTable, formatTime } from './output.js'
import { STORE } from './place.js'
import { withStore } from './with-store.js'

export function addHealth(program: Command): void {
  program
    .command('health')
    .description('where the data lies, how durable it is, how much room is left')
    .argument('<store>', STORE)
    .option('--json', 'one JSON text')
    .action((directory: string, options: { json?: true }) =>
      withStore(directory, 'read', async (store) => {
        const health = await store.health()
        console.log(options.json ? formatJson(health) : healthTable(health))
      }),
    )
}

export function healthTable(health: StorageHealth): string {
  const facts = Object.entries(health).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
  return formatTable<[string, unknown]>(
    [
      { title: 'fact', cell: ([name]) => name },
      { title: 'value', cell: ([name, value]) => factText(name, value) },
    ],
    facts,
  )
}

function factText(name: string, value: unknown): string {
  if (name === 'lastDurableWrite') return formatTime(value as number)
  return Array.isArray(value) ? value.join('; ') : String(value)
}
