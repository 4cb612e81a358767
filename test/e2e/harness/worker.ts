// The dedicated worker of the test page: does what the page asks, one message one answer.

import { actions } from './actions.js'
import { describe } from './run-case.js'

interface Request {
  readonly id: number
  readonly action: string
  readonly argument: unknown
}

onmessage = async (event: MessageEvent<Request>) => {
  const { id, action, argument } = event.data
  try {
    postMessage({ id, value: await actions[action]?.(argument) })
  } catch (error) {
    postMessage({ id, failure: describe(error) })
  }
}
