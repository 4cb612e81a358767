import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../../../dist/core/codec/crc32c.js'

/** Bit by bit, as RFC 3720 defines it. */
function slowly(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
  }
  return ~crc >>> 0
}

function bytesOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => Math.imul(index + seed, 0x9e37_79b1) >>> 13)
}

test('the vectors of RFC 3720', () => {
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe306_9283)
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa)
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43)
})

const LENGTHS = 1200
const memory = bytesOf(LENGTHS + 100, 7)

test('every length up to several blocks, at any place of the memory', () => {
  expectRight(Array.from({ length: LENGTHS }, (_, length) => crc32c(memory, length % 17, (length % 17) + length)))
})

test('every length up to several blocks where there is no WebAssembly, as in browsers', () => {
  expectRightWith('--jitless', { webAssembly: false, vectors: false })
})

test('every length up to several blocks where the processor has no vectors', { skip: process.arch !== 'x64' }, () => {
  expectRightWith('--no-enable-sse4-1', { webAssembly: true, vectors: false })
  expectRightWith('--enable-sse4-1', { webAssembly: true, vectors: true })
})

function expectRightWith(flag: string, runtime: { readonly webAssembly: boolean; readonly vectors: boolean }): void {
  const [found, ...checksums] = inNode(flag)
  expect(found).toEqual(runtime)
  expectRight(checksums as number[])
}

function expectRight(checksums: readonly number[]): void {
  expect(checksums).toHaveLength(LENGTHS)
  for (const [length, checksum] of checksums.entries()) {
    const start = length % 17
    expect(checksum, `${length} bytes`).toBe(slowly(memory.subarray(start, start + length)))
  }
}

/** What the runtime has, then the checksum of every length, each from another place on. */
function inNode(flag: string): unknown[] {
  const code = `
    import { crc32c } from ${JSON.stringify(new URL('../../../dist/core/codec/crc32c.js', import.meta.url).href)}
    const memory = Uint8Array.from(JSON.parse(process.argv[1]))
    const checksum = (_, length) => crc32c(memory, length % 17, (length % 17) + length)
    const vectors = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11]
    const webAssembly = typeof WebAssembly !== 'undefined'
    const found = { webAssembly, vectors: webAssembly && WebAssembly.validate(new Uint8Array(vectors)) }
    console.log(JSON.stringify([found, ...Array.from({ length: ${LENGTHS} }, checksum)]))`
  return JSON.parse(execFileSync(process.execPath, [flag, '--input-type=module', '-e', code, JSON.stringify([...memory])]).toString())
}

test('pieces one after the other give the checksum of the whole, also past the memory that is checked at once', () => {
  const whole = bytesOf(200_000, 3)
  const expected = slowly(whole)
  expect(crc32c(whole)).toBe(expected)
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length), { maxLength: 5 }), (cuts) => {
      const ends = [...cuts, whole.length].sort((a, b) => a - b)
      let crc = 0
      let start = 0
      for (const end of ends) {
        crc = crc32c(whole, start, end, crc)
        start = end
      }
      expect(crc).toBe(expected)
    }),
    { numRuns: 50 },
  )
})
