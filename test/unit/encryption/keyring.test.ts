import { describe, expect, test } from 'vitest'
import { sealEnvelope } from '../../../dist/core/codec/envelope.js'
import { decodeKeyring, newKeyring, type StoredKeyring, unlockKeyring } from '../../../dist/core/codec/keyring.js'

const secret = { key: new Uint8Array(32).fill(9) }
const stored = async (): Promise<StoredKeyring> => (await newKeyring(secret)).stored
const written = (keyring: unknown): Uint8Array => sealEnvelope({ kind: 'keyring', codec: 1 }, Buffer.from(JSON.stringify(keyring)))
const decode = (keyring: unknown): StoredKeyring => decodeKeyring(written(keyring), 'keyring')

describe('a keyring that somebody else wrote', () => {
  test.each([
    ['10 000 001 iterations', [{ name: 'pbkdf2-sha256', iterations: 10_000_001 }]],
    ['many wrappings', Array.from({ length: 16 }, () => ({ name: 'pbkdf2-sha256', iterations: 700_000 }))],
    ['a GiB of memory', [{ name: 'argon2id', iterations: 1, memoryKiB: 1_048_576, parallelism: 1 }]],
    ['many passes', [{ name: 'argon2id', iterations: 40, memoryKiB: 200_000, parallelism: 1 }]],
    ['many lanes', [{ name: 'argon2id', iterations: 1, memoryKiB: 65_536, parallelism: 99 }]],
  ])('is denied before work is done for it: %s', async (_what, derivations) => {
    const keyring = await stored()
    const wrappings = derivations.map((one) => ({ ...keyring.wrappings[0], derivation: { ...one, salt: 'AAAA' } }))
    expect(() => decode({ ...keyring, wrappings })).toThrow(expect.objectContaining({ code: 'denied' }))
  })

  test('is refused when it is of a newer version', async () => {
    const keyring = await stored()
    expect(() => decode({ ...keyring, format: 2 })).toThrow(expect.objectContaining({ code: 'unsupported' }))
    const wrappings = [{ ...keyring.wrappings[0], derivation: { name: 'balloon', salt: 'AAAA' } }]
    expect(() => decode({ ...keyring, wrappings })).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })

  test('is corrupt when it is no keyring', async () => {
    const keyring = await stored()
    const wrong = [
      null,
      [],
      'text',
      {},
      { ...keyring, store: '../x' },
      { ...keyring, wrappings: [] },
      { ...keyring, wrappings: Array.from({ length: 17 }, () => keyring.wrappings[0]) },
      { ...keyring, keys: [] },
      { ...keyring, current: 2 },
      { ...keyring, mac: '?' },
      { ...keyring, names: { nonce: 'AAAA', sealed: '' } },
      { ...keyring, wrappings: [{ ...keyring.wrappings[0], derivation: { name: 'pbkdf2-sha256', salt: 'AAAA', iterations: -1 } }] },
      { ...keyring, padding: 'x'.repeat(300_000) },
    ]
    for (const one of wrong)
      expect(() => decode(one), JSON.stringify(one)?.slice(0, 80)).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })

  test('is corrupt when parts of it were exchanged, though its checksum is right', async () => {
    const [keyring, foreign] = [await stored(), await stored()]
    const changed = [
      { ...keyring, mac: foreign.mac },
      { ...keyring, names: foreign.names },
      { ...keyring, keys: foreign.keys },
      { ...keyring, keys: [...keyring.keys, ...keyring.keys], current: 2 },
      { ...keyring, wrappings: [...keyring.wrappings, ...foreign.wrappings] },
    ]
    for (const one of changed) await expect(unlockKeyring(decode(one), secret, 'keyring')).rejects.toMatchObject({ code: 'corrupt' })
    const moved = { ...keyring, store: foreign.store }
    await expect(unlockKeyring(decode(moved), secret, 'keyring')).rejects.toMatchObject({ code: 'denied' })
  })
})
