// What `health()` says: where the data lies, why there, and how safe it is.

import type { StorageHealth, Store } from 'varve'
import { coalesce } from './coalesce.js'
import { byId, element } from './dom.js'
import { bytes, moment } from './format.js'
import { onPress } from './report.js'

/** Returns how to ask again. */
export function startStorage(store: Store): () => void {
  const refresh = coalesce(async () => draw(await store.health()))
  onPress(byId<HTMLButtonElement>('persist'), async () => {
    await navigator.storage.persist()
    refresh()
  })
  refresh()
  return refresh
}

function draw(health: StorageHealth): void {
  const rows = rowsOf(health).map(([name, text]) => element('div', {}, element('dt', { text: name }), element('dd', { text })))
  byId('health').replaceChildren(...rows)
  byId('warnings').replaceChildren(...health.warnings.map((text) => element('li', { text })))
  byId('persist').hidden = health.persisted !== false
  drawUse(health)
}

function rowsOf(health: StorageHealth): readonly (readonly [string, string])[] {
  return [
    ['Backend', health.backend],
    ['Location', health.location],
    ['Chosen because', health.chosen],
    ['Persisted', persistedText(health.persisted)],
    ['Strongest durability', health.durability],
    ['Wipe guard', health.wipeGuard],
    ['Last durable write', health.lastDurableWrite === undefined ? 'none by this tab' : moment(health.lastDurableWrite)],
  ]
}

function persistedText(persisted: boolean | undefined): string {
  if (persisted === undefined) return 'the browser does not say'
  return persisted ? 'yes, the browser does not evict it' : 'no, the browser may evict it when the disk gets full'
}

function drawUse({ quotaBytes, usedBytes }: StorageHealth): void {
  const known = quotaBytes !== undefined && usedBytes !== undefined && quotaBytes > 0
  byId('meter').hidden = !known
  if (!known) return
  byId<HTMLMeterElement>('usage').value = usedBytes / quotaBytes
  byId('usage-text').textContent = `${bytes(usedBytes)} of ${bytes(quotaBytes)} in use by this origin`
}
