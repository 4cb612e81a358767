// Arguments of a script as one string of MessagePack, which Lua in Redis reads natively: a batch of any size is one
// argument, binary safe. Only what scripts need, https://github.com/msgpack/msgpack/blob/master/spec.md.

import { grow, utf8Into } from '../../core/base/bytes.js'

export type Packable = string | Uint8Array | number | boolean | readonly Packable[]

/** Numbers are whole, from -1 to 2^53 - 1; text becomes its UTF-8 bytes. Lua reads bytes and text as strings. */
export function pack(value: Packable): Buffer {
  const packer = new Packer()
  packer.write(value)
  return packer.finish()
}

class Packer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  write(value: Packable): void {
    if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2)
    else if (value instanceof Uint8Array) this.#data(value)
    else this.#list(value)
  }

  finish(): Buffer {
    return Buffer.from(this.#bytes.buffer, 0, this.#at)
  }

  #number(value: number): void {
    if (value >= 0 && value < 0x80) this.#byte(value)
    else if (value === -1) this.#byte(0xff)
    else this.#wide(value)
  }

  #wide(value: number): void {
    const view = this.#room(9)
    view.setUint8(this.#at, 0xcf)
    view.setBigUint64(this.#at + 1, BigInt(value))
    this.#at += 9
  }

  /** The length is written behind the text, in the widest form: what the text takes is not known before. */
  #text(text: string): void {
    this.#room(5 + text.length * 3)
    const end = utf8Into(text, this.#bytes, this.#at + 5)
    this.#header(0xdb, end - this.#at - 5)
    this.#at = end
  }

  #data(data: Uint8Array): void {
    this.#room(5 + data.length)
    this.#header(0xdb, data.length)
    this.#bytes.set(data, this.#at)
    this.#at += data.length
  }

  #list(items: readonly Packable[]): void {
    this.#room(5)
    this.#header(0xdd, items.length)
    for (const item of items) this.write(item)
  }

  #header(kind: number, length: number): void {
    this.#view.setUint8(this.#at, kind)
    this.#view.setUint32(this.#at + 1, length)
    this.#at += 5
  }

  #byte(byte: number): void {
    this.#room(1)
    this.#bytes[this.#at++] = byte
  }

  #room(needed: number): DataView {
    if (this.#at + needed > this.#bytes.length) {
      this.#bytes = grow(this.#bytes, this.#at, this.#at + needed)
      this.#view = new DataView(this.#bytes.buffer)
    }
    return this.#view
  }
}
