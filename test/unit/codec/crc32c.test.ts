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

test('every length up to several blocks, at any place of the memory', () => {
  const memory = bytesOf(700, 7)
  for (let length = 0; length < 600; length++) {
    const start = length % 17
    expect(crc32c(memory, start, start + length), `${length} bytes`).toBe(slowly(memory.subarray(start, start + length)))
  }
})

test('every length up to several blocks where there is no WebAssembly, as in browsers', () => {
  const memory = bytesOf(700, 7)
  const checksums = withoutWebAssembly(memory)
  expect(checksums).toHaveLength(600)
  for (const [length, checksum] of checksums.entries()) {
    const start = length % 17
    expect(checksum, `${length} bytes`).toBe(slowly(memory.subarray(start, start + length)))
  }
})

/** Of every length below 600, each from another place on. */
function withoutWebAssembly(memory: Uint8Array): readonly number[] {
  const code = `
    import { crc32c } from ${JSON.stringify(new URL('../../../dist/core/codec/crc32c.js', import.meta.url).href)}
    const memory = Uint8Array.from(JSON.parse(process.argv[1]))
    const checksum = (_, length) => crc32c(memory, length % 17, (length % 17) + length)
    console.log(JSON.stringify([typeof WebAssembly, ...Array.from({ length: 600 }, checksum)]))`
  const output = execFileSync(process.execPath, ['--jitless', '--input-type=module', '-e', code, JSON.stringify([...memory])])
  const [kind, ...checksums] = JSON.parse(output.toString())
  expect(kind).toBe('undefined')
  return checksums
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
