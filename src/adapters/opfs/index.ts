// varve/adapters/opfs

export { destroyOpfs, type OpfsOptions, opfs } from './opfs.js'
