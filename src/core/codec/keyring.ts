// The keys of one encrypted store. A random master key is wrapped once for each secret; it wraps the data keys, of which the
// newest seals what is written, and authenticates the keyring as a whole. So a secret is changed without touching data, and a
// new data key comes with a new master key, which whoever knew a removed secret has never seen.

import { equalBytes, fromUtf8, toHex, utf8 } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { fromBase64, toBase64 } from './base64.js'
import { boundOf, newNonce } from './cipher.js'
import { openEnvelope, sealEnvelope } from './envelope.js'
import { checkCost, deriveKey, type KeyDerivation, newDerivation, readDerivation } from './key-derivation.js'
import type { EncryptionSecret, PassphraseHash } from './secret.js'
import { aesGcm, hkdfSha256, hmacSha256, randomBytes } from '#primitives'

const JSON_CODEC = 1
const FORMAT = 1
const KEY_BYTES = 32
const STORE_ID_BYTES = 16
const MOST_BYTES = 256 * 1024
const MOST_WRAPPINGS = 16
const MOST_KEYS = 1024

/** A key under another one; both parts base64. */
interface WrappedKey {
  readonly nonce: string
  readonly sealed: string
}

interface Wrapping extends WrappedKey {
  readonly derivation: KeyDerivation
}

/** As it lies in the store, JSON in an envelope. */
export interface StoredKeyring {
  readonly format: number
  /** Random, hexadecimal: what is sealed names the store it belongs to. */
  readonly store: string
  /** Generation of the key that seals what is written. */
  readonly current: number
  /** Of the master key, one a secret. */
  readonly wrappings: readonly Wrapping[]
  /** Of the key that hides names in keys; it never changes. */
  readonly names: WrappedKey
  /** Generation 1 first. */
  readonly keys: readonly WrappedKey[]
  /** HMAC of all of it, base64. */
  readonly mac: string
}

/** What a secret opened. */
export interface Keyring {
  readonly stored: StoredKeyring
  /** Which of the wrappings opened. */
  readonly opened: number
  readonly master: Uint8Array
  readonly storeId: Uint8Array
  readonly current: number
  /** By generation, from 1 on. */
  readonly keys: readonly Uint8Array[]
  readonly names: Uint8Array
}

/** A keyring of a new store: one secret, one data key. */
export async function newKeyring(secret: EncryptionSecret, hash: PassphraseHash = 'pbkdf2'): Promise<Keyring> {
  const parts = { store: toHex(randomBytes(STORE_ID_BYTES)), names: randomBytes(KEY_BYTES), keys: [randomBytes(KEY_BYTES)] }
  return await lockAnew(parts, [{ secret, hash }])
}

/** The same keys and one more, under a new master key that only these secrets open. */
export async function renewKeyring(
  { stored, names, keys }: Keyring,
  secrets: readonly { readonly secret: EncryptionSecret; readonly hash: PassphraseHash }[],
): Promise<Keyring> {
  if (keys.length >= MOST_KEYS) throw new StorageError('quota', 'a keyring holds no more keys', { facts: { keys: keys.length } })
  return await lockAnew({ store: stored.store, names, keys: [...keys, randomBytes(KEY_BYTES)] }, secrets)
}

/** Which wrapping of the keyring a secret opens; undefined for none. */
export async function wrappingOf({ stored, master }: Keyring, secret: EncryptionSecret): Promise<number | undefined> {
  const found = await unwrapMaster(stored, secret)
  return found !== undefined && equalBytes(found.master, master) ? found.opened : undefined
}

/** The same keyring with other wrappings of its master key: the ones at these places, and one for the secret that comes. */
export async function rewrapKeyring(
  keyring: Keyring,
  kept: readonly number[],
  added?: { readonly secret: EncryptionSecret; readonly hash: PassphraseHash },
): Promise<Keyring> {
  const { stored, master } = keyring
  const wrappings = kept.map((at) => stored.wrappings[at] as Wrapping)
  if (added !== undefined) wrappings.push(await wrapMaster(stored.store, master, added.secret, added.hash))
  if (wrappings.length > MOST_WRAPPINGS) {
    throw new StorageError('quota', 'a store has no more secrets than that', { facts: { secrets: MOST_WRAPPINGS } })
  }
  checkCost(wrappings.map((one) => one.derivation))
  return { ...keyring, stored: await authenticate({ ...stored, wrappings }, master) }
}

/** As a blob. */
export function encodeKeyring(stored: StoredKeyring, writeId?: Uint8Array): Uint8Array {
  return sealEnvelope({ kind: 'keyring', codec: JSON_CODEC, writeId }, utf8(JSON.stringify(stored)))
}

/** `corrupt` for what is no keyring, `unsupported` for a newer one, `denied` for one that asks for too much work. */
export function decodeKeyring(bytes: Uint8Array, place: string): StoredKeyring {
  if (bytes.length > MOST_BYTES) throw noKeyring(place, { bytes: bytes.length, maxBytes: MOST_BYTES })
  const { body } = openEnvelope(bytes, 'keyring', place)
  const said = parse(body, place)
  if (typeof said.format === 'number' && said.format > FORMAT) {
    const facts = { format: said.format, newestKnown: FORMAT }
    throw new StorageError('unsupported', 'the keyring was written by a newer version of Varve', { key: place, facts })
  }
  const stored = readKeyring(said)
  if (stored === undefined) throw noKeyring(place, {})
  checkCost(stored.wrappings.map((one) => one.derivation))
  return stored
}

/** `denied` where the secret opens nothing of it, `corrupt` where it was changed by somebody without a secret. */
export async function unlockKeyring(stored: StoredKeyring, secret: EncryptionSecret, place: string): Promise<Keyring> {
  const found = await unwrapMaster(stored, secret)
  if (found === undefined) {
    const given = 'key' in secret ? 'key' : 'passphrase'
    throw new StorageError('denied', `the ${given} is not one of this encrypted store`, { key: place, facts: { store: stored.store } })
  }
  const { master, opened } = found
  const isWhole = equalBytes(fromBase64(stored.mac), await macOf(stored, master))
  const names = isWhole ? await unwrapKey(stored.names, master, boundOf(stored.store, 'names')) : undefined
  const keys = await Promise.all(stored.keys.map((one, at) => unwrapKey(one, master, keyBound(stored.store, at + 1))))
  if (names === undefined || !keys.every(isKey)) {
    throw new StorageError('corrupt', 'the keyring was changed by somebody who has no secret of it', { key: place })
  }
  return { stored, opened, master, storeId: utf8(stored.store), current: stored.current, keys, names }
}

async function lockAnew(
  { store, names, keys }: { readonly store: string; readonly names: Uint8Array; readonly keys: readonly Uint8Array[] },
  secrets: readonly { readonly secret: EncryptionSecret; readonly hash: PassphraseHash }[],
): Promise<Keyring> {
  const master = randomBytes(KEY_BYTES)
  const plain = {
    format: FORMAT,
    store,
    current: keys.length,
    wrappings: await Promise.all(secrets.map(({ secret, hash }) => wrapMaster(store, master, secret, hash))),
    names: await wrapKey(names, master, boundOf(store, 'names')),
    keys: await Promise.all(keys.map((key, at) => wrapKey(key, master, keyBound(store, at + 1)))),
    mac: '',
  }
  const stored = await authenticate(plain, master)
  return { stored, opened: 0, master, storeId: utf8(store), current: keys.length, keys, names }
}

async function wrapMaster(store: string, master: Uint8Array, secret: EncryptionSecret, hash: PassphraseHash): Promise<Wrapping> {
  const derivation = newDerivation(secret, hash)
  const key = (await deriveKey(secret, derivation)) as Uint8Array
  return { derivation, ...(await wrapKey(master, key, wrappingBound(store, derivation))) }
}

async function unwrapMaster(
  stored: StoredKeyring,
  secret: EncryptionSecret,
): Promise<{ readonly master: Uint8Array; readonly opened: number } | undefined> {
  for (const [opened, wrapping] of stored.wrappings.entries()) {
    const key = await deriveKey(secret, wrapping.derivation)
    const master = key === undefined ? undefined : await unwrapKey(wrapping, key, wrappingBound(stored.store, wrapping.derivation))
    if (isKey(master)) return { master, opened }
  }
  return undefined
}

async function wrapKey(key: Uint8Array, under: Uint8Array, bound: Uint8Array): Promise<WrappedKey> {
  const nonce = newNonce()
  const cipher = await aesGcm(await hkdfSha256(under, nonce, utf8('varve wrapped key')))
  return { nonce: toBase64(nonce), sealed: toBase64(await cipher.seal(nonce, key, bound)) }
}

async function unwrapKey(wrapped: WrappedKey, under: Uint8Array, bound: Uint8Array): Promise<Uint8Array | undefined> {
  const nonce = fromBase64(wrapped.nonce)
  const cipher = await aesGcm(await hkdfSha256(under, nonce, utf8('varve wrapped key')))
  return await cipher.open(nonce, fromBase64(wrapped.sealed), bound)
}

function wrappingBound(store: string, derivation: KeyDerivation): Uint8Array {
  return boundOf('varve keyring', store, JSON.stringify(derivation))
}

function keyBound(store: string, generation: number): Uint8Array {
  return boundOf(store, `generation ${generation}`)
}

async function authenticate(stored: StoredKeyring, master: Uint8Array): Promise<StoredKeyring> {
  return { ...stored, mac: toBase64(await macOf(stored, master)) }
}

async function macOf({ format, store, current, wrappings, names, keys }: StoredKeyring, master: Uint8Array): Promise<Uint8Array> {
  const pair = ({ nonce, sealed }: WrappedKey): readonly string[] => [nonce, sealed]
  const all = [format, store, current, wrappings.map((one) => [one.derivation, ...pair(one)]), pair(names), keys.map(pair)]
  return await hmacSha256(await hkdfSha256(master, utf8(store), utf8('varve keyring')), utf8(JSON.stringify(all)))
}

function readKeyring({ format, store, current, wrappings, names, keys, mac }: Record<string, unknown>): StoredKeyring | undefined {
  const wrapped = readAll(wrappings, MOST_WRAPPINGS, readWrapping)
  const dataKeys = readAll(keys, MOST_KEYS, readWrapped)
  const namesKey = readWrapped(names)
  const isWhole = format === FORMAT && typeof store === 'string' && /^[0-9a-f]{32}$/.test(store) && isBase64(mac)
  if (!isWhole || wrapped === undefined || dataKeys === undefined || namesKey === undefined) return undefined
  if (current !== dataKeys.length) return undefined
  return { format, store, current, wrappings: wrapped, names: namesKey, keys: dataKeys, mac }
}

function readAll<T>(said: unknown, most: number, read: (one: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(said) || said.length === 0 || said.length > most) return undefined
  const all = said.map(read)
  return all.every((one) => one !== undefined) ? (all as readonly T[]) : undefined
}

function readWrapping(said: unknown): Wrapping | undefined {
  const derivation = readDerivation((Object(said) as Record<string, unknown>).derivation)
  const wrapped = readWrapped(said)
  return derivation === undefined || wrapped === undefined || !isBase64(derivation.salt) ? undefined : { derivation, ...wrapped }
}

function readWrapped(said: unknown): WrappedKey | undefined {
  const { nonce, sealed } = Object(said) as Record<string, unknown>
  return isBase64(nonce) && nonce.length === 16 && isBase64(sealed) ? { nonce, sealed } : undefined
}

function isBase64(text: unknown): text is string {
  return typeof text === 'string' && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

function isKey(bytes: Uint8Array | undefined): bytes is Uint8Array {
  return bytes?.length === KEY_BYTES
}

function parse(body: Uint8Array, place: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(fromUtf8(body))) as Record<string, unknown>
  } catch (cause) {
    throw noKeyring(place, {}, cause)
  }
}

function noKeyring(place: string, facts: Readonly<Record<string, unknown>>, cause?: unknown): StorageError {
  return new StorageError('corrupt', 'the keyring is damaged', { key: place, facts, cause })
}
