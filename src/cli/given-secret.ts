// What opens what is encrypted, as it is given: a passphrase or a key, by a file or by the environment.

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { fromHex } from '../core/base/bytes.js'
import { StorageError } from '../core/base/errors.js'
import type { EncryptionSecret } from '../core/codec/secret.js'

export const PASSPHRASE_VARIABLE = 'VARVE_PASSPHRASE'
const KEY_VARIABLE = 'VARVE_KEY_FILE'
const KEY_BYTES = 32
const HEX = /^[0-9a-f]{64}$/i
const BASE64 = /^[0-9a-z+/_-]{43}=?$/i

export interface SecretFlags {
  readonly passphraseFile?: string
  readonly keyFile?: string
}

/** For a verb that takes them itself, of what it reads or makes. */
export function addSecretOptions(verb: Command, what = ''): Command {
  return verb
    .option('--passphrase-file <file>', `${what}its first line is the passphrase (default: VARVE_PASSPHRASE of the environment)`)
    .option('--key-file <file>', `${what}it is the key: 32 bytes, or those in hexadecimal or base64 (default: VARVE_KEY_FILE)`)
}

/** For a group of verbs that open stores: a file counts as if the environment had named it, where `openPlace` looks. */
export function addStoreSecretOptions(verbs: Command): void {
  addSecretOptions(verbs, 'of an encrypted store: ')
  verbs.hook('preAction', () => {
    const flags = verbs.opts<SecretFlags>()
    const secret = fromFiles(flags)
    if (secret === undefined) return
    delete process.env[PASSPHRASE_VARIABLE]
    delete process.env[KEY_VARIABLE]
    if ('passphrase' in secret) process.env[PASSPHRASE_VARIABLE] = secret.passphrase
    else process.env[KEY_VARIABLE] = flags.keyFile
  })
}

/** Files before the environment; undefined where neither has one. `invalid` for an empty passphrase, for what is no key, and for both. */
export function givenSecret(flags: SecretFlags = {}): EncryptionSecret | undefined {
  const secret = fromFiles(flags)
  if (secret !== undefined) return secret
  const { [PASSPHRASE_VARIABLE]: passphrase, [KEY_VARIABLE]: file } = process.env
  if (passphrase !== undefined && file !== undefined) throw both(PASSPHRASE_VARIABLE, KEY_VARIABLE)
  if (passphrase !== undefined) return { passphrase: checked(passphrase) }
  return file === undefined ? undefined : { key: keyIn(file) }
}

/** undefined where neither is named. */
function fromFiles({ passphraseFile, keyFile }: SecretFlags): EncryptionSecret | undefined {
  if (passphraseFile !== undefined && keyFile !== undefined) throw both('--passphrase-file', '--key-file')
  if (keyFile !== undefined) return { key: keyIn(keyFile) }
  if (passphraseFile === undefined) return undefined
  return { passphrase: checked(readFileSync(passphraseFile, 'utf8').split(/\r?\n/)[0] ?? '', passphraseFile) }
}

function checked(passphrase: string, file?: string): string {
  if (passphrase === '') throw new StorageError('invalid', 'the passphrase is empty', { facts: { file } })
  return passphrase
}

function keyIn(file: string): Uint8Array {
  const bytes = readFileSync(file)
  if (bytes.length === KEY_BYTES) return new Uint8Array(bytes)
  const text = bytes.toString('latin1').trim()
  if (HEX.test(text)) return fromHex(text.toLowerCase())
  if (BASE64.test(text)) return new Uint8Array(Buffer.from(text, 'base64'))
  throw new StorageError('invalid', 'a key file holds 32 bytes, or those in hexadecimal or base64', {
    facts: { file, bytes: bytes.length },
  })
}

function both(one: string, other: string): StorageError {
  return new StorageError('invalid', `${one} and ${other} do not go together: it is a passphrase or a key`)
}
