// A store in a browser on its way to a file that somebody keeps, and back.

import { exportAll, type ImportReport, importAll } from 'varve'
import { browserBackends, type TestedBackend } from './backends.js'
import { describeStore, fillStore } from './store-contents.js'

interface StoreRequest {
  readonly backend: string
  readonly store: string
  readonly passphrase: string
}

export async function fillForBackup(request: StoreRequest): Promise<string> {
  return await inStore(request, async (backend) => {
    await fillStore(backend)
    return await describeStore(backend)
  })
}

/** As an application does: all of it into a Blob, and a link that is clicked. */
export async function downloadBackup(request: StoreRequest): Promise<void> {
  await inStore(request, async (backend) => {
    const archive = await new Response(exportAll(backend, { passphrase: request.passphrase })).blob()
    const link = document.createElement('a')
    link.href = URL.createObjectURL(archive)
    link.download = `${request.store}.varve`
    link.click()
  })
}

/** The page has an input for a file from then on. */
export function askForFile(): void {
  const input = document.createElement('input')
  input.type = 'file'
  document.body.append(input)
}

export async function importChosenFile(request: StoreRequest): Promise<{ readonly report: ImportReport; readonly contents: string }> {
  const file = document.querySelector('input')?.files?.[0]
  if (file === undefined) throw new Error('no file was chosen')
  return await inStore(request, async (backend) => {
    const report = await importAll(backend, file, { passphrase: request.passphrase })
    return { report, contents: await describeStore(backend) }
  })
}

async function inStore<T>({ backend, store }: StoreRequest, use: (opened: TestedBackend) => Promise<T>): Promise<T> {
  const found = browserBackends.find((one) => one.name === backend)
  if (found === undefined) throw new Error(`no backend ${backend}`)
  const opened = found.open(store)
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}
