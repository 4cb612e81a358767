// What tests ask a page or a worker to do, by name.

import * as backup from './backup.js'
import * as queues from './queues.js'
import * as remote from './remote-backend.js'
import { runCase } from './run-case.js'
import * as snapshots from './snapshots.js'
import * as writers from './writers.js'

type Action = (argument: unknown) => unknown

export const actions = { runCase, ...remote, ...writers, ...queues, ...backup, ...snapshots } as unknown as Readonly<Record<string, Action>>
