import { toHex } from '../../core/base/bytes.js'

/** Versions that no other tab, worker or session ever makes: a random part drawn once, and a counter. */
export class VersionSource {
  #random: string | undefined
  #count = 0

  next(): string {
    this.#random ??= toHex(crypto.getRandomValues(new Uint8Array(10)))
    return `${this.#random}-${(this.#count++).toString(36)}`
  }
}
