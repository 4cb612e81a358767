import { describe, expect, test } from 'vitest'
import { type Backend, encrypted } from 'varve'
import { faultBackend } from 'varve/testing'
import { fileBytes, imageOf, withFile } from '../../crash/images.js'

const secret = { key: new Uint8Array(32).fill(1) }
const bytesOf = (length: number, salt = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => ((i * 31 + salt + (i >> 8)) & 254) + 1)
const PIECES = [10, 70_000, 1, 300, 65_536, 40]
const WHOLE = Buffer.concat(PIECES.map((length, n) => bytesOf(length, n)))

type Files = NonNullable<Backend['files']>

async function written(pieces: readonly Uint8Array[]): Promise<ReturnType<typeof faultBackend>> {
  const below = faultBackend()
  const file = await (encrypted(below, secret).files as Files).open('log/a', { mode: 'append' })
  for (const piece of pieces) await file.append(piece)
  await file.close()
  return below
}

async function readAll(below: Backend): Promise<Buffer> {
  const file = await (encrypted(below, secret).files as Files).open('log/a', { mode: 'read' })
  return Buffer.from(await file.read({ start: 0, end: 10_000_000 }))
}

/** What was read is what was written, where it is not zeros: nothing is ever made up or moved. */
function expectHolds(read: Buffer, what: string): number {
  let zeros = 0
  for (const [at, byte] of read.entries()) {
    if (byte === 0) zeros++
    else if (byte !== WHOLE[at]) throw new Error(`${what}: byte ${at} is ${byte}, was ${WHOLE[at]}`)
  }
  return zeros + Math.max(0, WHOLE.length - read.length)
}

describe('a sealed file', () => {
  test('gives any range of what was appended', async () => {
    const below = await written(PIECES.map((length, n) => bytesOf(length, n)))
    const file = await (encrypted(below, secret).files as Files).open('log/a', { mode: 'read' })
    expect(file.size).toBe(WHOLE.length)
    for (let n = 0; n < 300; n++) {
      const start = (n * 7919) % WHOLE.length
      const end = start + ((n * 104_729) % 90_000)
      expect(Buffer.compare(await file.read({ start, end }), WHOLE.subarray(start, end))).toBe(0)
    }
  })

  test('is zeros where it is damaged, and as before everywhere else', async () => {
    const below = await written(PIECES.map((length, n) => bytesOf(length, n)))
    const image = await imageOf(below)
    const bytes = fileBytes(image, 'log/a')
    for (let at = 64; at < bytes.length; at += at < 1_000 ? 1 : 4_001) {
      const copy = bytes.slice()
      copy[at] = (copy[at] as number) ^ 0x20
      const zeros = expectHolds(await readAll(faultBackend({ image: withFile(image, 'log/a', copy) })), `byte ${at}`)
      expect(zeros, `byte ${at}`).toBeGreaterThan(0)
      expect(zeros, `byte ${at}`).toBeLessThanOrEqual(65_536)
    }
  })

  test('ends where it was cut, with nothing made up', async () => {
    const below = await written(PIECES.map((length, n) => bytesOf(length, n)))
    const image = await imageOf(below)
    const bytes = fileBytes(image, 'log/a')
    for (let length = 64; length < bytes.length; length += length < 600 || bytes.length - length < 600 ? 1 : 3_001) {
      const read = await readAll(faultBackend({ image: withFile(image, 'log/a', bytes.slice(0, length)) }))
      expect(expectHolds(read, `cut at ${length}`)).toBeGreaterThan(0)
      expect(read.length).toBeLessThanOrEqual(WHOLE.length)
    }
  })

  test('is appended to behind a tail that was torn anywhere', async () => {
    const below = await written([bytesOf(100), bytesOf(50, 1)])
    const image = await imageOf(below)
    const bytes = fileBytes(image, 'log/a')
    for (let length = 64 + 148; length < bytes.length; length++) {
      const torn = faultBackend({ image: withFile(image, 'log/a', bytes.slice(0, length)) })
      const files = encrypted(torn, secret).files as Files
      const file = await files.open('log/a', { mode: 'append' })
      const starts = [await file.append(bytesOf(30, 2)), await file.append(bytesOf(30, 3))] as const
      for (const reader of [file, await files.open('log/a', { mode: 'read' })]) {
        expect(await reader.read({ start: 0, end: 100 }), `cut at ${length}`).toEqual(bytesOf(100))
        expect(await reader.read({ start: starts[0], end: starts[0] + 30 }), `cut at ${length}`).toEqual(bytesOf(30, 2))
        expect(await reader.read({ start: starts[1], end: starts[1] + 30 }), `cut at ${length}`).toEqual(bytesOf(30, 3))
      }
    }
  })

  test('keeps what is appended behind a torn header, whatever the bytes that it lacks', async () => {
    // One header in 256 lacks just the byte with which the next record begins.
    for (let n = 0; n < 1_000; n++) {
      const image = await imageOf(await written([bytesOf(10), bytesOf(50, 1)]))
      const torn = faultBackend({ image: withFile(image, 'log/a', fileBytes(image, 'log/a').slice(0, 64 + 58 + 31)) })
      const files = encrypted(torn, secret).files as Files
      const file = await files.open('log/a', { mode: 'append' })
      const start = await file.append(bytesOf(30, 2))
      const reader = await files.open('log/a', { mode: 'read' })
      expect(await reader.read({ start, end: start + 30 })).toEqual(bytesOf(30, 2))
    }
  })

  test('with a damaged header has nothing to read, and is not appended to', async () => {
    const image = await imageOf(await written([bytesOf(100)]))
    for (let at = 0; at < 64; at++) {
      const copy = fileBytes(image, 'log/a').slice()
      copy[at] = (copy[at] as number) ^ 1
      const below = faultBackend({ image: withFile(image, 'log/a', copy) })
      expect((await readAll(below)).length, `byte ${at}`).toBe(0)
      const files = encrypted(below, secret).files as Files
      await expect(files.open('log/a', { mode: 'append' }), `byte ${at}`).rejects.toMatchObject({ code: 'corrupt' })
    }
  })

  test('does not open under another name', async () => {
    const image = await imageOf(await written([bytesOf(100)]))
    const below = faultBackend({ image: withFile(image, 'log/b', fileBytes(image, 'log/a')) })
    const file = await (encrypted(below, secret).files as Files).open('log/b', { mode: 'read' })
    expect(await file.read({ start: 0, end: 100 })).toEqual(new Uint8Array(100))
  })

  test('that is long is opened, and read from anywhere, without reading it all', async () => {
    const piece = bytesOf(60_000)
    const below = await written(Array.from({ length: 200 }, () => piece))
    let read = 0
    const counting: Backend = {
      name: below.name,
      blobs: below.blobs,
      health: () => below.health(),
      close: () => below.close(),
      files: {
        ...(below.files as Files),
        async open(path, options) {
          const file = await (below.files as Files).open(path, options)
          return {
            get size() {
              return file.size
            },
            append: (bytes) => file.append(bytes),
            sync: (durability) => file.sync(durability),
            close: () => file.close(),
            async read(range, memory) {
              const bytes = await file.read(range, memory)
              read += bytes.length
              return bytes
            },
          }
        },
      },
    }
    const file = await (encrypted(counting, secret).files as Files).open('log/a', { mode: 'read' })
    expect(file.size).toBe(200 * 60_000)
    expect(read).toBeLessThan(200_000)
    expect(await file.read({ start: 137 * 60_000 + 5, end: 137 * 60_000 + 105 })).toEqual(piece.slice(5, 105))
    expect(read).toBeLessThan(1_500_000)
  })

  test('never uses a nonce twice, also where two clones go on from one state', async () => {
    const image = await imageOf(await written([bytesOf(10)]))
    const nonces = new Set<string>()
    for (let clone = 0; clone < 2; clone++) {
      const below = faultBackend({ image })
      const file = await (encrypted(below, secret).files as Files).open('log/a', { mode: 'append' })
      for (let n = 0; n < 300; n++) await file.append(bytesOf(10, n))
      const bytes = fileBytes(await imageOf(below), 'log/a')
      for (let at = 64 + 58; at < bytes.length; at += 58) nonces.add(Buffer.from(bytes.subarray(at + 16, at + 28)).toString('hex'))
    }
    expect(nonces.size).toBe(600)
  })
})
