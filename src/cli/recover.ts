import { type Command, Option } from 'commander'
import { ANOMALIES, type SetExitCode } from './exit-codes.js'
import { directoryOf } from './place.js'
import { formatJson } from './output.js'
import { recoverDirectory, type RecoveryFlags, recoveryExitCode, recoveryJson, recoveryText } from './recovery.js'

interface RecoverFlags extends RecoveryFlags {
  readonly json?: true
}

export function addRecover(program: Command, setExitCode: SetExitCode): void {
  program
    .command('recover')
    .description('make a damaged store whole again with everything that can be read; asks first on a terminal')
    .argument('<directory>', 'where the store lies', directoryOf)
    .addOption(
      new Option('--mode <mode>', 'only report; mend in place; or keep copies first')
        .choices(['ignore', 'repair', 'quarantine'])
        .default('quarantine'),
    )
    .option('--quarantine <folder>', 'takes a folder of copies for each run (default: <directory>.quarantine)')
    .option('--salvage', 'also append again what lies whole in torn tails, behind where a crash cut a write')
    .option('--yes', 'do not ask')
    .option('--json', 'the reports before and after as JSON')
    .action(async (directory: string, flags: RecoverFlags) => {
      const done = await recoverDirectory(directory, flags)
      if (done === undefined) {
        console.log('nothing was changed')
        return setExitCode(ANOMALIES)
      }
      console.log(flags.json ? formatJson(recoveryJson(done, flags.mode)) : recoveryText(done, flags.mode, directory))
      setExitCode(recoveryExitCode(flags.mode, done.report))
    })
}
