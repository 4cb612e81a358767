// The way out when the store is damaged or full of play: everything is deleted and the page begins anew.

import { type Backend, destroy } from 'varve'
import { byId } from './dom.js'
import { run } from './report.js'
import { STORE } from './store-name.js'

/** Works also when the store could not be opened. */
export function startOverButton(backend: Backend): void {
  const dialog = byId<HTMLDialogElement>('sure')
  byId('start-over').addEventListener('click', () => {
    dialog.returnValue = ''
    dialog.showModal()
  })
  dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'delete') run(() => startOver(backend))
  })
}

async function startOver(backend: Backend): Promise<void> {
  await backend.close().catch(() => {})
  await destroy(STORE)
  location.reload()
}
