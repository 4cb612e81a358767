// What the user reads when something fails: what happened, and what to do about it.

import { isStorageError, type StorageErrorCode } from '../core/base/errors.js'

const ADVICE: Partial<Record<StorageErrorCode, string>> = {
  missing:
    'A store lies in the directory that nodeFs() was given, or in .varve/<name>; varve queue list <store> lists its queues, varve snapshot list <store> its snapshots.',
  denied:
    'Another process owns the store (append through the owner, or stop it first), or permission is missing, or it is encrypted: its passphrase comes from --passphrase-file or VARVE_PASSPHRASE, its key from --key-file or VARVE_KEY_FILE (of the store that backup and restore open from the environment).',
  corrupt: 'Stored bytes are damaged: varve doctor <directory> says where and what to do. Keep a copy before anything is changed.',
  unsupported: 'The store was perhaps written by a newer version of Varve: update this one.',
  quota: 'Make room on the disk and try again; nothing that was acknowledged is lost.',
  conflict: 'Nothing was overwritten: what is there is not what was expected. Look at both before anything is deleted.',
  unavailable: 'Try again.',
}

/** What went wrong lies in the archive, not in a store. */
const ARCHIVE_ADVICE: typeof ADVICE = {
  denied: 'Give its passphrase with --passphrase-file or in VARVE_PASSPHRASE, or its key with --key-file or VARVE_KEY_FILE.',
  corrupt: 'The archive is damaged or was cut: nothing of it from there on was stored. Take another copy of it.',
  unsupported: ADVICE.unsupported,
}

export function isWrongUsage(error: unknown): boolean {
  return isStorageError(error, 'invalid')
}

export function describeFailure(error: unknown): string {
  if (!isStorageError(error)) return `varve: ${error instanceof Error ? error.message : String(error)}`
  const { install } = error.facts
  const advice =
    install === undefined ? (error.operation === 'openArchive' ? ARCHIVE_ADVICE : ADVICE)[error.code] : `Run: ${String(install)}`
  return `varve: ${error.message} [${error.code}]${advice === undefined ? '' : `\n${advice}`}`
}
