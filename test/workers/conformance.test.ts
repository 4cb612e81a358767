import { env } from 'cloudflare:workers'
import { describe, test } from 'vitest'
import { suites } from './suites.js'

for (const { name, cases } of suites(env)) {
  describe(`${name}, with Node compatibility`, () => {
    for (const one of cases) test(one.name, one.run)
  })
}
