// LangGraph's validation and ours, as a list of tests on a backend of the browser.

import type { Backend } from 'varve'
import { validateSaver } from '../../langgraph/validate.js'
import { browserBackends } from './backends.js'
import { type CollectedTest, collectTests } from './langgraph-runner.js'

/** Every checkpointer and every case has a place of its own. */
export function validationOn(name: string): readonly CollectedTest[] {
  const found = browserBackends.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no such backend: ${name}`)
  const names = new WeakMap<Backend, string>()
  const open = async (place: string): Promise<Backend> => {
    const backend = found.open(place)
    names.set(backend, place)
    return backend
  }
  const placeOf = (backend: Backend): string => names.get(backend) as string
  return collectTests(() =>
    validateSaver(name, () => open(`saver-${crypto.randomUUID()}`), {
      reopen: (backend) => open(placeOf(backend)),
      destroy: (backend) => found.destroy(placeOf(backend)),
    }),
  )
}
