// npm run demo: builds what is needed, runs the demo once, and says by its exit code whether the comparison held.

import { OptionError, parseOptions, USAGE } from '../demo/options.mjs'
import { build } from './build.mjs'

const WRONG_USAGE = 64
const INTERRUPTED = 130

// Leaving in good order ends the consumer and removes what was only needed on the way.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(INTERRUPTED))

const options = readOptions()
if (options.help) {
  console.log(USAGE)
} else {
  build()
  // The demo imports the built package.
  process.exitCode = await run(options)
}

function readOptions() {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    console.error(`${error.message}\n\n${USAGE}`)
    process.exit(WRONG_USAGE)
  }
}

async function run(demoOptions) {
  const { runDemo } = await import('../demo/demo.mjs')
  const { formatRows, reportRows } = await import('../demo/report.mjs')
  const { InputError } = await import('../demo/input.mjs')
  const { isStorageError } = await import('varve')
  try {
    const result = await runDemo(demoOptions, console.log)
    console.log(`\n${formatRows(reportRows(result))}\n`)
    return conclude(result.problems)
  } catch (error) {
    const isKnown = error instanceof InputError || isStorageError(error)
    console.error(isKnown ? `demo: ${error.message}` : error)
    return 1
  }
}

function conclude(problems) {
  if (problems.length === 0) {
    console.log('The comparison holds: nothing was lost and nothing counted twice.')
    return 0
  }
  console.error(`The comparison FAILED:\n${problems.slice(0, 20).join('\n')}`)
  return 1
}
