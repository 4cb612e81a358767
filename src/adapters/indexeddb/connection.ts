// The one connection of a backend. Browsers lose connections that look open (a suspended device, cleared storage, another
// tab's upgrade): it lets go when asked, comes back by itself, and notices when what it comes back to is another database.

import { type IDBPDatabase, openDB } from 'idb'
import { toHex } from '../../core/base/bytes.js'
import { systemClock } from '../../core/base/clock.js'
import { StorageError } from '../../core/base/errors.js'
import { BACKEND, isLostConnection, toStorageError } from './native-errors.js'
import { createStores, type Database, databaseName, SCHEMA_VERSION, type Schema } from './schema.js'
import { readCanaries } from './wipe-canary.js'

export interface ConnectionOptions {
  readonly name: string
  readonly blockedMs: number
  /** Throws `closed` when the backend is. */
  readonly checkOpen: (operation: string) => void
}

/** How often one call looks for a new connection before it gives up. */
const ATTEMPTS = 3

export class Connection {
  readonly #options: ConnectionOptions
  #opening: Promise<Database> | undefined
  #storeId: string | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Known once the database was open. */
  get storeId(): string | undefined {
    return this.#storeId
  }

  /**
   * Runs on an open database. After a lost connection it runs again, so `run` must settle by itself what an earlier
   * run may have done; it gets the number of the attempt.
   */
  async use<T>(operation: string, key: string | undefined, run: (db: Database, attempt: number) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      this.checkOpen(operation)
      const opening = this.#open()
      try {
        return await run(await opening, attempt)
      } catch (error) {
        const again = attempt + 1 < ATTEMPTS && isLostConnection(error)
        if (!again) throw toStorageError(error, operation, key)
        await this.#drop(opening)
      }
    }
  }

  checkOpen(operation: string): void {
    this.#options.checkOpen(operation)
  }

  async close(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    const db = await opening?.catch(() => undefined)
    db?.close()
  }

  #open(): Promise<Database> {
    if (this.#opening === undefined) {
      const opening = this.#connect()
      this.#opening = opening
      opening.catch(() => this.#forget(opening))
    }
    return this.#opening
  }

  async #drop(opening: Promise<Database>): Promise<void> {
    this.#forget(opening)
    const db = await opening.catch(() => undefined)
    db?.close()
  }

  #forget(opening: Promise<Database>): void {
    if (this.#opening === opening) this.#opening = undefined
  }

  async #connect(): Promise<Database> {
    const known = this.#storeId === undefined ? await readCanaries(this.#options.name) : [this.#storeId]
    const db = await this.#openDatabase(known)
    const id = await db.get('meta', 'id')
    if (id === undefined || (known.length > 0 && !known.includes(id))) {
      db.close()
      throw this.#wiped('another database')
    }
    this.#storeId = id
    return db
  }

  /** A database that has to be made although one is known of was lost: the making is undone, so that the loss stays visible. */
  async #openDatabase(known: readonly string[]): Promise<Database> {
    let wiped = false
    let forget: () => void = () => {}
    const opening = openDB<Schema>(databaseName(this.#options.name), SCHEMA_VERSION, {
      upgrade(db, _from, _to, tx) {
        wiped = known.length > 0
        if (!wiped) return createStores(db, newStoreId())
        tx.done.catch(() => {})
        tx.abort()
      },
      blocking: (_from, _to, event) => {
        forget()
        ;(event.target as IDBDatabase).close()
      },
      terminated: () => forget(),
    })
    forget = () => {
      this.#opening = undefined
    }
    try {
      return await this.#inTime(opening)
    } catch (error) {
      throw wiped ? this.#wiped('no database') : error
    }
  }

  async #inTime(opening: Promise<IDBPDatabase<Schema>>): Promise<Database> {
    let cancel: () => void = () => {}
    const tooLate = new Promise<never>((_resolve, reject) => {
      cancel = systemClock.after(this.#options.blockedMs, () => reject(blocked(this.#options.name, 'open', this.#options.blockedMs)))
    })
    try {
      return await Promise.race([opening, tooLate])
    } catch (error) {
      opening.then(
        (late) => late.close(),
        () => {},
      )
      throw error
    } finally {
      cancel()
    }
  }

  #wiped(found: string): StorageError {
    const message =
      'the database was deleted or wiped under this page; what was stored in it is gone: ' +
      'restore it from a copy, or call destroy() on the store to begin anew'
    return new StorageError('corrupt', message, {
      backend: BACKEND,
      operation: 'open',
      facts: { database: databaseName(this.#options.name), found },
    })
  }
}

/** Another tab keeps an old connection open and does not answer, or is deleting the database. */
export function blocked(name: string, operation: string, blockedMs: number): StorageError {
  return new StorageError('unavailable', 'another tab holds the database: close the other tabs of this site and try again', {
    backend: BACKEND,
    operation,
    facts: { database: databaseName(name), waitedMs: blockedMs },
  })
}

function newStoreId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(16)))
}
