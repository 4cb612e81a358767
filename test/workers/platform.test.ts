import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { destroy, openStore } from 'varve'

const LINE = 'openStore(r2({ bucket: env.BUCKET }))'

test('a name is no store in a Worker with Node compatibility: the error says what to write', async () => {
  await expect(openStore('shop')).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining(LINE) })
  await expect(destroy('shop')).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('destroy(r2(') })
})

test('a name is no store in a Worker without Node compatibility: the error says what to write', async () => {
  expect(await (await env.PLAIN.fetch('http://plain/process')).text()).toBe('undefined')
  const answer = await (await env.PLAIN.fetch('http://plain/open-by-name')).json()
  expect(answer).toMatchObject({ code: 'invalid', message: expect.stringContaining(LINE) })
})

test('the bundle of the Worker names no module of Node and compiles no code', () => {
  expect(env.WORKER_BUNDLE).toContain('webhooks')
  expect(env.WORKER_BUNDLE).not.toMatch(/['"`]node:/)
  expect(env.WORKER_BUNDLE).not.toMatch(/\beval\(|new Function\(|WebAssembly\.(compile|instantiate)/)
})
