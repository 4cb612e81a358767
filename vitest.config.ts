// The projects that run in Node. Tests run against the build, imported natively, so that the tests, the package and the
// processes they start all share one copy of every module. Workers have a configuration of their own in test/workers.

import { defineConfig } from 'vitest/config'

/** What needs a redis-server. */
const REDIS = 'test/conformance/redis*.test.ts'

const shared = {
  environment: 'node' as const,
  testTimeout: 60_000,
  hookTimeout: 60_000,
  teardownTimeout: 20_000,
  server: { deps: { external: [/\/dist\//] } },
}

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { test: { ...shared, name: 'conformance', include: ['test/conformance/**/*.test.ts'], exclude: [REDIS] } },
      { test: { ...shared, name: 'redis', include: [REDIS], testTimeout: 120_000 } },
      { test: { ...shared, name: 'crash', include: ['test/crash/**/*.test.ts'], testTimeout: 300_000 } },
      { test: { ...shared, name: 'fuzz', include: ['test/fuzz/**/*.test.ts'], testTimeout: 300_000 } },
      { test: { ...shared, name: 'golden', include: ['test/golden/**/*.test.ts'] } },
      { test: { ...shared, name: 'histories', include: ['test/histories/**/*.test.ts'], testTimeout: 300_000 } },
      { test: { ...shared, name: 'langgraph', include: ['test/langgraph/**/*.test.ts'], globals: true } },
      ...['types', 'bundle', 'package', 'mutants'].map((name) => ({
        test: { ...shared, name, include: [`test/${name}/**/*.test.ts`], testTimeout: 180_000, hookTimeout: 180_000, maxConcurrency: 2 },
      })),
    ],
  },
})
