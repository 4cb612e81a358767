// What a user of LangGraph writes, checked by the compiler where LangGraph is installed.

import { type BaseCheckpointSaver, JsonPlusSerializer } from '@langchain/langgraph-checkpoint'
import { openStore } from 'varve'
import { type CheckpointerOptions, openCheckpointer, type Checkpointer } from 'varve/integrations/langgraph'

export async function checkpointers(): Promise<readonly BaseCheckpointSaver[]> {
  const store = await openStore('agents')
  const plain: Checkpointer = await openCheckpointer(store)
  const options: CheckpointerOptions = { agent: 'planner', keepLast: 20, compression: 'gzip', serde: new JsonPlusSerializer() }
  return [plain, await openCheckpointer(store, options)]
}

export async function wrong(): Promise<unknown> {
  const store = await openStore('agents')
  // @ts-expect-error keepLast is a number
  return await openCheckpointer(store, { keepLast: '20' })
}
