// varve/testing: conformance suites as data, and the tools to make storage fail on purpose.

export * from './assert.js'
export { type BlobStoreSuiteOptions, blobStoreSuite } from './blob-store-suite.js'
export * from './crash-states.js'
export { type FaultBackend, type FaultBackendOptions, faultBackend } from './fault-backend.js'
export * from './faulty.js'
export { fileStoreSuite } from './file-store-suite.js'
export { lockManagerSuite } from './lock-manager-suite.js'
export * from './manual-clock.js'
export { signalBusSuite } from './signal-bus-suite.js'
export type { DiskImage, DiskOperation, Recording } from './simulated-disk.js'
export * from './suite.js'
