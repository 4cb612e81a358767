// varve/adapters/indexeddb

export { destroyIndexedDb } from './destroy.js'
export { type IndexedDbOptions, indexedDb } from './indexed-db.js'
