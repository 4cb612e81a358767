import type { Command } from 'commander'
import { formatJson, outputWidth } from '../output.js'
import { STORE } from '../place.js'
import { writeOut } from '../write-out.js'
import { countStep, type StepCounts, stepText } from './diff-view.js'
import { infoName } from './info-table.js'
import { patchSteps } from './json-patch.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

export function addDiff(snapshot: Command): void {
  snapshot
    .command('diff')
    .description('what changed from one JSON state to another; parts that are equal are not read')
    .argument('<store>', STORE)
    .argument('<from>', WHICH)
    .argument('<to>', 'another one')
    .option('--json', 'as a JSON Patch (RFC 6902) in one line, which makes the second of the first')
    .action(printDifference)
}

function printDifference(place: string, from: string, to: string, { json }: { json?: true }): Promise<void> {
  return withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
    const [old, young] = [await findSnapshot(snapshots, from, signal), await findSnapshot(snapshots, to, signal)]
    const patch = await snapshots.diff(old.id, young.id, { signal })
    if (json) return await writeOut(`${formatJson(patch)}\n`)
    if (patch.length === 0) return console.log('no difference')
    await writeOut(`--- ${infoName(old)}  ${old.id}\n+++ ${infoName(young)}  ${young.id}\n`)
    const width = outputWidth()
    const counts: StepCounts = { added: 0, removed: 0, replaced: 0 }
    for (const step of patchSteps(await snapshots.load(old.id, { signal }), patch)) {
      countStep(counts, step)
      await writeOut(`${stepText(step, width)}\n`)
    }
    console.log(`${counts.added} added, ${counts.removed} removed, ${counts.replaced} replaced`)
  })
}
