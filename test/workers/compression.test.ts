import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { compressions } from './plain/compressions.js'

test('with Node compatibility a Worker has brotli and zstd too', async () => {
  expect(await compressions()).toEqual({ lz4: 'equal', brotli: 'equal', zstd: 'equal', 'zstd of another': 'equal' })
})

test('without it a Worker has lz4 and reads zstd; brotli, and writing zstd, are unsupported', async () => {
  const answer = await (await env.PLAIN.fetch('http://plain/compressions')).json()
  expect(answer).toEqual({ lz4: 'equal', brotli: 'unsupported', zstd: 'unsupported', 'zstd of another': 'equal' })
})
