import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore } from 'varve'

describe('the folder of a store', () => {
  test('is made with what is missing above it, and health says why it was chosen', async () => {
    const root = await mkdtemp(join(tmpdir(), 'varve-place-'))
    const store = await openStore('shop', { directory: join(root, 'a', 'b') })
    expect(existsSync(join(root, 'a', 'b', 'shop'))).toBe(true)
    expect((await store.health()).chosen).toBe('the default of Node: files in a folder')
    await store.close()
    await rm(root, { recursive: true })
  })

  test.runIf(existsSync('/proc'))('that no parent will hold is denied at once, not tried for ever', async () => {
    await expect(openStore('shop', { directory: '/proc/varve' })).rejects.toMatchObject({ code: 'denied' })
  })
})
