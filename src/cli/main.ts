#!/usr/bin/env node
// The `varve` command: works with stores of files, also beside the process that owns them, and with those on a Redis server.

import { runCommand } from './run-command.js'

// `varve queue read … | head` closes the pipe: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

process.exitCode = await runCommand(process.argv.slice(2))
