import { open } from 'node:fs/promises'
import type { ArchiveSecret } from '../../core/codec/archive/open.js'
import { isSealedStream } from '../../core/codec/sealed-stream.js'
import type { EncryptionSecret } from '../../core/codec/secret.js'
import { givenSecret, type SecretFlags } from '../given-secret.js'
import { askNewPassphrase, askPassphrase } from '../passphrase.js'

const BEGINNING = 7

/** What opens an archive. Somebody is asked only where it is encrypted and nothing was given. */
export async function openingSecret(file: string, flags: SecretFlags = {}): Promise<ArchiveSecret> {
  const given = givenSecret(flags)
  if (given !== undefined) return given
  const asked = file !== '-' && (await isEncrypted(file)) ? await askPassphrase('Passphrase: ') : undefined
  return asked === undefined || asked === '' ? {} : { passphrase: asked }
}

export interface NewSecretFlags extends SecretFlags {
  readonly encrypt?: true
}

/** What encrypts an archive; undefined where nothing does. A secret that is given does. */
export async function newSecret({ encrypt, ...flags }: NewSecretFlags): Promise<EncryptionSecret | undefined> {
  const given = givenSecret(flags)
  if (given !== undefined) return given
  return encrypt ? { passphrase: await askNewPassphrase() } : undefined
}

async function isEncrypted(file: string): Promise<boolean> {
  const handle = await open(file, 'r')
  try {
    const { buffer } = await handle.read(new Uint8Array(BEGINNING), 0, BEGINNING, 0)
    return isSealedStream(buffer)
  } finally {
    await handle.close()
  }
}
