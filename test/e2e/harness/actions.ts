// What tests ask a page or a worker to do, by name.

import * as remote from './remote-backend.js'
import { runCase } from './run-case.js'

type Action = (argument: unknown) => unknown

export const actions = { runCase, ...remote } as unknown as Readonly<Record<string, Action>>
