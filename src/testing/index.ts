// varve/testing: conformance suites as data, and the tools to make storage fail on purpose.

export * from './assert.js'
export * from './manual-clock.js'
export * from './suite.js'
