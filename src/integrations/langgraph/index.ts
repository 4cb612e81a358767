export { type Checkpointer, type CheckpointerOptions, openCheckpointer } from './open-checkpointer.js'
