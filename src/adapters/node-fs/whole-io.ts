// Reads and writes of the whole length, however little the system does at a time.

import { fdatasync, fsync, read, readSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'

const writeLater = promisify(write)
const readLater = promisify(read)

export const syncFile: (fd: number) => Promise<void> = promisify(fsync)
export const syncData: (fd: number) => Promise<void> = promisify(fdatasync)

/** Up to here a system call is shorter than a trip through the thread pool. */
const SYNCHRONOUS_BYTES = 256 * 1024

/** Synchronous: the next append may follow in the same turn. */
export function writeWholeNow(fd: number, bytes: Uint8Array, position: number): void {
  let done = 0
  while (done < bytes.length) done += progress(writeSync(fd, bytes, done, bytes.length - done, position + done))
}

export async function writeWhole(fd: number, bytes: Uint8Array): Promise<void> {
  if (bytes.length <= SYNCHRONOUS_BYTES) return writeWholeNow(fd, bytes, 0)
  let done = 0
  while (done < bytes.length) done += progress((await writeLater(fd, bytes, done, bytes.length - done, done)).bytesWritten)
}

function progress(written: number): number {
  if (written > 0) return written
  throw Object.assign(new Error('the system wrote nothing'), { code: 'EIO' })
}

/** Fills `bytes`; less of them only at the end of the file. */
export async function readWhole(fd: number, position: number, bytes: Uint8Array): Promise<Uint8Array> {
  const { length } = bytes
  let done = 0
  while (done < length) {
    const left = length - done
    const got =
      length <= SYNCHRONOUS_BYTES
        ? readSync(fd, bytes, done, left, position + done)
        : (await readLater(fd, bytes, done, left, position + done)).bytesRead
    if (got === 0) break
    done += got
  }
  return done === length ? bytes : bytes.subarray(0, done)
}
