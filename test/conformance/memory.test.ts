import { test } from 'vitest'
import { memory } from 'varve/adapters/memory'
import { blobStoreSuite, lockManagerSuite, registerSuite, signalBusSuite } from 'varve/testing'

const make = async () => memory()

registerSuite(test, blobStoreSuite(make))
registerSuite(test, lockManagerSuite(make))
registerSuite(test, signalBusSuite(make))
