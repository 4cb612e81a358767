import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Backend, changeSecret, encrypted, openKv, openSnapshots, rotateKey } from 'varve'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'

const encryption = { key: new Uint8Array(32).fill(1) }
const other = { key: new Uint8Array(32).fill(2) }
const root = mkdtempSync(join(tmpdir(), 'varve-encrypted-snapshots-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const big = (n: number) => Array.from({ length: n }, (_, i) => ({ i, text: `CANARY-state ${i} `.repeat(9) }))

async function save(backend: Backend, session = 'canary-session', state: unknown = big(300)) {
  const snapshots = await openSnapshots(backend, { encryption })
  const details = { description: 'CANARY-description', metadata: { a: 'CANARY-metadata' }, tags: ['CANARY-tag'], branch: 'canary-branch' }
  return await snapshots.save({ agent: 'canary-agent', session, state, ...details })
}

describe('encrypted snapshots', () => {
  test('reveal nothing on disk: no state, no name, no tag, in files nor in their names', async () => {
    const directory = join(root, 'canary')
    const backend = nodeFs({ directory })
    for (const compression of ['none', 'gzip'] as const) {
      const snapshots = await openSnapshots(backend, { encryption, compression })
      for (const state of [big(300), 'CANARY-text', new TextEncoder().encode('CANARY-bytes'.repeat(9_000))])
        await snapshots.save({ agent: 'canary-agent', session: 'canary-session', state, tags: ['CANARY-tag'], description: 'CANARY' })
      await snapshots.saveMany([1, 2].map((n) => ({ agent: 'canary-agent', session: 'canary-other', state: `CANARY ${n}` })))
    }
    await backend.close()
    const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    const content = files.filter((one) => one.isFile() && /canary/i.test(readFileSync(join(one.parentPath, one.name)).toString('latin1')))
    expect(files.length).toBeGreaterThan(10)
    expect(content).toEqual([])
    expect(files.filter((one) => /canary|-63-41/i.test(one.name))).toEqual([])
  })

  test('are found by agent, session, branch, tag and id, in another process too', async () => {
    const backend = memory()
    const { id } = await save(backend)
    await save(backend, 'second', 'state of the second')
    const snapshots = await openSnapshots(backend, { encryption })
    expect(await snapshots.load(id)).toEqual(big(300))
    expect(await snapshots.load({ agent: 'canary-agent', session: 'second', branch: 'canary-branch' })).toBe('state of the second')
    const all: string[] = []
    for await (const info of snapshots.list({ agent: 'canary-agent' })) all.push(info.session)
    expect(all.sort()).toEqual(['canary-session', 'second'])
    const [tagged] = await Promise.all([snapshots.info(id)])
    expect(tagged).toMatchObject({
      agent: 'canary-agent',
      session: 'canary-session',
      tags: ['CANARY-tag'],
      description: 'CANARY-description',
    })
    expect((await snapshots.verify()).problems).toEqual([])
  })

  test('are denied to another secret, and to none', async () => {
    const backend = memory()
    const { id } = await save(backend)
    await expect(openSnapshots(backend, { encryption: other })).rejects.toMatchObject({ code: 'denied' })
    await expect(openSnapshots(backend)).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining('encryption') })
    await changeSecret(backend, encryption, other, { of: 'snapshots' })
    expect(await (await openSnapshots(backend, { encryption: other })).load(id)).toEqual(big(300))
    await rotateKey(backend, [other], { of: 'snapshots' })
    const snapshots = await openSnapshots(backend, { encryption: other })
    const next = await snapshots.save({ agent: 'canary-agent', session: 'canary-session', state: 1 })
    expect(next.index).toBe(1)
    expect(await snapshots.load(id)).toEqual(big(300))
  })

  test('are not begun where plain ones lie', async () => {
    const backend = memory()
    await (await openSnapshots(backend)).save({ agent: 'a', session: 's', state: 1 })
    await expect(openSnapshots(backend, { encryption })).rejects.toMatchObject({ code: 'invalid' })
  })

  test('leave the rest of the store as it is', async () => {
    const backend = memory()
    await (await openKv(backend)).put('k', 'plain')
    await save(backend)
    await (await openKv(backend)).put('k', 'plain again')
    expect(await (await openKv(backend)).get('k')).toBe('plain again')
  })

  test('may lie in a store that is encrypted by itself', async () => {
    const below = memory()
    const { id } = await save(encrypted(below, other))
    expect(await (await openSnapshots(encrypted(below, other), { encryption })).load(id)).toEqual(big(300))
    await expect(openSnapshots(encrypted(below, other))).rejects.toMatchObject({ code: 'denied' })
  })

  test('are copied to plain ones and to others with a secret of their own', async () => {
    const [from, plain, target] = [memory(), memory(), memory()]
    const { id } = await save(from)
    const snapshots = await openSnapshots(from, { encryption })
    await snapshots.copy(plain)
    await snapshots.copy(target, { encryption: other })
    expect(await (await openSnapshots(plain)).load(id)).toEqual(big(300))
    expect(await (await openSnapshots(target, { encryption: other })).load(id)).toEqual(big(300))
    await expect(openSnapshots(target)).rejects.toMatchObject({ code: 'denied' })
  })

  test('share what they have in common, and what nothing refers to is collected', async () => {
    const backend = memory()
    const first = await save(backend)
    const second = await save(backend, 'canary-session', [...big(300), 'one more'])
    expect(second.storedBytes).toBeLessThan(first.storedBytes / 2)
    const snapshots = await openSnapshots(backend, { encryption })
    await snapshots.delete(first.id)
    await snapshots.collect()
    expect(await snapshots.load(second.id)).toEqual([...big(300), 'one more'])
  })
})
