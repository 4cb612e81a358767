// A reflected CRC-32 by tables, 16 bytes at a time, in WebAssembly: the loop of core/codec/crc32c.ts without the bounds
// check of each look-up, twice as fast. The module is a few hundred bytes and is put together here, instruction by instruction.

const PAGE_BYTES = 65_536
/** The tables lie in the first page, what is checked is copied into the second. */
const DATA_AT = PAGE_BYTES
const SLICE_BYTES = 1024
const WORDS = [0, 4, 8, 12]

const I32 = 0x7f
const NO_RESULT = 0x40
const BLOCK = 0x02
const LOOP = 0x03
const END = 0x0b
const REPEAT = [0x0c, 0]
const LEAVE_IF = [0x0d, 1]
const GREATER = 0x4b
const NOT_LESS = 0x4f
const ADD = 0x6a
const AND = 0x71
const XOR = 0x73
const SHIFT_LEFT = 0x74
const SHIFT_RIGHT = 0x76

/** Parameters of the one function, which returns the checksum, and the four words it works on. */
const AT = 0
const LAST = 1
const CRC = 2
const WORD = 3

type Code = readonly number[]
type Checksum = (at: number, end: number, crc: number) => number

/** What continues the inner (not inverted) checksum `crc` over `bytes[start, end)`; `tables` are the 16 of 256 entries each. */
export function wasmChecksum(tables: Int32Array): (bytes: Uint8Array, start: number, end: number, crc: number) => number {
  const { memory, checksum } = instantiate()
  const room = new Uint8Array(memory.buffer)
  new Int32Array(memory.buffer).set(tables)
  return (bytes, start, end, crc) => {
    let result = crc
    for (let at = start; at < end; at += PAGE_BYTES) {
      const stop = Math.min(end, at + PAGE_BYTES)
      room.set(bytes.subarray(at, stop), DATA_AT)
      result = checksum(DATA_AT, DATA_AT + stop - at, result)
    }
    return result
  }
}

function instantiate(): { readonly memory: WebAssembly.Memory; readonly checksum: Checksum } {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()))
  return exports as { memory: WebAssembly.Memory; checksum: Checksum }
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const code = [1, 4, I32, ...loopOfWords(), ...loopOfBytes(), ...get(CRC), END]
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 2]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('checksum'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ])
}

/** `while (at + 16 <= last)`: the first word takes the checksum in, then each of 16 bytes asks a table of its own. */
function loopOfWords(): Code {
  const load = WORDS.flatMap((offset, index) => [
    ...[...get(AT), ...loadWord(offset), ...(index === 0 ? [...get(CRC), XOR] : [])],
    ...set(WORD + index),
  ])
  const lookUps = WORDS.flatMap((offset, index) =>
    [0, 1, 2, 3].flatMap((byte) => [
      ...[...indexOf(WORD + index, byte), ...loadWord((15 - offset - byte) * SLICE_BYTES)],
      ...(index + byte === 0 ? [] : [XOR]),
    ]),
  )
  return loop([...get(AT), ...constant(16), ADD, ...get(LAST), GREATER], [...load, ...lookUps, ...set(CRC), ...advance(16)])
}

/** `while (at < last)`: what is left. */
function loopOfBytes(): Code {
  const byte = [...get(CRC), ...get(AT), ...loadByte, XOR, ...constant(0xff), AND, ...constant(2), SHIFT_LEFT]
  return loop(
    [...get(AT), ...get(LAST), NOT_LESS],
    [...get(CRC), ...constant(8), SHIFT_RIGHT, ...byte, ...loadWord(0), XOR, ...set(CRC), ...advance(1)],
  )
}

function loop(isOver: Code, body: Code): Code {
  return [BLOCK, NO_RESULT, LOOP, NO_RESULT, ...isOver, ...LEAVE_IF, ...body, ...REPEAT, END, END]
}

/** Four times one byte of a word: where its entry lies in a table. */
function indexOf(local: number, byte: number): Code {
  const shift = byte === 0 ? [...constant(2), SHIFT_LEFT] : [...constant(byte * 8 - 2), SHIFT_RIGHT]
  return [...get(local), ...shift, ...constant(0xff << 2), AND]
}

function advance(bytes: number): Code {
  return [...get(AT), ...constant(bytes), ADD, ...set(AT)]
}

function get(local: number): Code {
  return [0x20, local]
}

function set(local: number): Code {
  return [0x21, local]
}

function loadWord(offset: number): Code {
  return [0x28, 0, ...unsigned(offset)]
}

const loadByte: Code = [0x2d, 0, 0]

/** Of less than 2^13. */
function constant(value: number): Code {
  return value < 0x40 ? [0x41, value] : [0x41, (value & 0x7f) | 0x80, value >>> 7]
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content]
}

function name(text: string): Code {
  return [text.length, ...[...text].map((letter) => letter.charCodeAt(0))]
}

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}
