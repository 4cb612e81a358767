import { defineConfig } from '@playwright/test'
import { findBrowser } from './scripts/find-browser.mjs'

// The workers of the runner read this file again: what was found once is handed to them through the environment.
process.env.VARVE_CHROMIUM = process.env.VARVE_CHROMIUM || (await findBrowser())
process.env.VARVE_E2E_PORT ??= String(20_000 + Math.floor(Math.random() * 20_000))

const port = process.env.VARVE_E2E_PORT
const report = process.env.VARVE_E2E_REPORT

export const launchOptions = {
  executablePath: process.env.VARVE_CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
}

export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test-results',
  fullyParallel: true,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: report === undefined ? [['line']] : [['line'], ['json', { outputFile: report }]],
  use: { baseURL: `http://127.0.0.1:${port}`, launchOptions },
  webServer: {
    command: `node test/e2e/server.mjs ${port}`,
    url: `http://127.0.0.1:${port}/ready`,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 2000 },
  },
})
