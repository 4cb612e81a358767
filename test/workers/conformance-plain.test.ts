import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { suites } from './suites.js'

for (const [suite, { name, cases }] of suites(env).entries()) {
  describe(`${name}, without Node compatibility`, () => {
    for (const [index, one] of cases.entries()) {
      test(one.name, async () => {
        const response = await env.PLAIN.fetch(`http://plain/suites/${suite}/${index}`)
        expect(await response.text()).toBe('passed')
      })
    }
  })
}
