// Whether there is a network, as far as anybody here knows, and who tells when it is back: the `online` event of a page or a
// worker, and a service worker's background sync. Where there is none of them, nothing is known, and sending is just tried.

export interface Connectivity {
  /** false only where it is known that nothing can be sent. */
  isOnline(): boolean
  /** Calls back when the network may be back; returns how to stop. */
  listen(wake: () => void): () => void
  /** Asks the platform to wake the service worker with a `sync` event of this tag, also after the page was closed. */
  requestSync(tag: string): Promise<void>
}

interface Registration {
  readonly sync?: { register(tag: string): Promise<void> }
}

/** What may be there. */
interface Surroundings {
  readonly navigator?: {
    readonly onLine?: boolean
    readonly serviceWorker?: { getRegistration(): Promise<Registration | undefined> }
  }
  /** In a service worker. */
  readonly registration?: Registration
  addEventListener?(type: 'online', listener: () => void): void
  removeEventListener?(type: 'online', listener: () => void): void
}

/** Of the page, worker or process that this runs in. */
export function connectivityHere(): Connectivity {
  const here = globalThis as unknown as Surroundings
  return {
    isOnline: () => here.navigator?.onLine !== false,
    listen(wake) {
      here.addEventListener?.('online', wake)
      return () => here.removeEventListener?.('online', wake)
    },
    async requestSync(tag) {
      try {
        const registration = here.registration ?? (await here.navigator?.serviceWorker?.getRegistration())
        await registration?.sync?.register(tag)
      } catch {
        // refused, or not allowed: the next `online` does it
      }
    },
  }
}
