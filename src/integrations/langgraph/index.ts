export { openCheckpointer, type CheckpointerOptions } from './open-checkpointer.js'
export type { VarveSaver } from './varve-saver.js'
