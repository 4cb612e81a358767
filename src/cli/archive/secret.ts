import { open } from 'node:fs/promises'
import { isSealedStream } from '../../core/codec/sealed-stream.js'
import { askNewPassphrase, askPassphrase, givenPassphrase } from '../passphrase.js'

const BEGINNING = 7

/** What opens an archive. Somebody is asked only where it is encrypted and nothing was given. */
export async function openingSecret(file: string, passphraseFile: string | undefined): Promise<{ readonly passphrase?: string }> {
  const given = givenPassphrase(passphraseFile)
  if (given !== undefined) return { passphrase: given }
  const asked = file !== '-' && (await isEncrypted(file)) ? await askPassphrase('Passphrase: ') : undefined
  return asked === undefined || asked === '' ? {} : { passphrase: asked }
}

export interface NewSecretFlags {
  readonly encrypt?: true
  readonly passphraseFile?: string
}

/** What encrypts an archive, if anything. A passphrase that is given does. */
export async function newSecret({ encrypt, passphraseFile }: NewSecretFlags): Promise<{ readonly passphrase?: string }> {
  const given = givenPassphrase(passphraseFile)
  if (given !== undefined) return { passphrase: given }
  return encrypt ? { passphrase: await askNewPassphrase() } : {}
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
