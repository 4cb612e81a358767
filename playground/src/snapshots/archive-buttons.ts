// All snapshots as one file that can be kept anywhere, and back again.

import type { Snapshots } from 'varve'
import { byId } from '../dom.js'
import { bytes, plural } from '../format.js'
import { onPress, run } from '../report.js'
import type { Page } from './agent.js'

const FILE = 'varve-snapshots.varve'

export function startArchives(snapshots: Snapshots<Page>, say: (text: string) => void, changed: () => void): void {
  const file = byId<HTMLInputElement>('import-file')
  onPress(byId<HTMLButtonElement>('export'), async () => {
    const whole = await new Response(snapshots.export()).blob()
    download(whole)
    say(`Exported ${bytes(whole.size)} to ${FILE}.`)
  })
  onPress(byId<HTMLButtonElement>('import'), async () => file.click())
  file.addEventListener('change', () =>
    run(async () => {
      const [chosen] = file.files ?? []
      file.value = ''
      if (chosen === undefined) return
      const report = await snapshots.import(chosen.stream())
      say(`Imported ${plural(report.imported, 'snapshot')}, ${report.skipped} were here already.`)
      changed()
    }),
  )
}

function download(blob: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = FILE
  link.click()
  URL.revokeObjectURL(link.href)
}
