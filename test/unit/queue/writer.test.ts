import { expect, test } from 'vitest'
import { isStorageError, openQueue, type Queue, StorageError } from 'varve'
import { memory } from 'varve/adapters/memory'
import { faulty, ManualClock } from 'varve/testing'
import { createContext, storeOver } from '../../../dist/core/derived/resolve.js'
import { streamsOf } from '../../../dist/core/derived/streams-over-journals.js'
import type { AppendOptions, RecordStream, StreamBroker } from '../../../dist/core/ports/stream-broker.js'

type Backend = ReturnType<typeof memory>

/** What a stream does before (`lost: false`) or after it stored an append, on its n-th one. */
type Answer = (n: number, producer: AppendOptions['producer']) => { readonly lost: boolean } | undefined

/** Memory whose streams lose answers, and calls. */
function losing(answer: Answer): Backend {
  const backend = memory()
  const inner = streamsOf(createContext(backend, {}))
  let appends = 0
  const open: StreamBroker['open'] = async (name, options) => {
    const stream = await inner.open(name, options)
    const append: RecordStream['append'] = async (batch, said) => {
      const fault = answer(++appends, said?.producer)
      if (fault?.lost === false) throw new StorageError('unavailable', 'nobody answers')
      const result = await stream.append(batch, said)
      if (fault?.lost === true) throw new StorageError('unavailable', 'the answer is lost')
      return result
    }
    return new Proxy(stream, { get: (target, name) => (name === 'append' ? append : bound(target, name)) })
  }
  return { ...backend, streams: { open, delete: (name) => inner.delete(name) } }
}

function bound(stream: RecordStream, name: string | symbol): unknown {
  const member = Reflect.get(stream, name) as unknown
  return typeof member === 'function' ? member.bind(stream) : member
}

/** Time passes by itself, so that nobody waits for a back-off. */
class QuickClock extends ManualClock {
  override after(ms: number, run: () => void): () => void {
    const cancel = super.after(ms, run)
    setImmediate(() => this.advance(ms))
    return cancel
  }
}

async function queueOn(backend: Backend): Promise<Queue<number>> {
  const context = createContext(backend, { clock: new QuickClock() })
  return openQueue<number>(
    storeOver(context, () => context.close()),
    'q',
  )
}

const values = async (queue: Queue<number>) => (await queue.read()).map(({ value }) => value)

test('a batch whose answer was lost is sent again with its number, and stored once', async () => {
  const numbers: (number | undefined)[] = []
  const queue = await queueOn(
    losing((n, producer) => {
      numbers.push(producer?.sequence)
      return n === 2 ? { lost: true } : n === 4 ? { lost: false } : undefined
    }),
  )
  const writer = await queue.writer({ producerId: 'p' })
  for (const value of [0, 1, 2]) expect((await writer.append(value)).offset).toBe(value)
  expect(await values(queue)).toEqual([0, 1, 2])
  expect(numbers).toEqual([0, 1, 1, 2, 2])
})

test('what stays unanswered fails after some sends; what was stored of it is found when the writer goes on', async () => {
  let isDown = false
  const queue = await queueOn(losing(() => (isDown ? { lost: true } : undefined)))
  const writer = await queue.writer({ producerId: 'p' })
  await writer.append(0)
  isDown = true
  const outcomes = await Promise.allSettled([writer.append(1), writer.append(2)])
  for (const outcome of outcomes) expect(outcome.status === 'rejected' && isStorageError(outcome.reason, 'unavailable')).toBe(true)
  isDown = false
  expect((await writer.append(3)).offset).toBe(3)
  expect(await values(queue)).toEqual([0, 1, 2, 3])
})

test('a send has to wait while the room is full, and goes on when a batch is stored', async () => {
  let open = (): void => {}
  const until = new Promise<void>((resolve) => {
    open = resolve
  })
  const backend = faulty(memory(), [{ on: 'blobs.put', key: '/0/', n: 1, always: true, effect: 'delay', until }])
  const queue = await openQueue<number>(backend, 'q')
  const writer = await queue.writer({ producerId: 'p', maxInFlightBytes: 1 })
  const order: string[] = []
  await writer.send(0)
  order.push('first is in')
  const second = writer.send(1).then(() => order.push('second is in'))
  const aborted = new AbortController()
  const third = writer.send(2, { signal: aborted.signal })
  aborted.abort(new Error('enough'))
  await expect(third).rejects.toThrow('enough')
  order.push('room is made')
  open()
  await second
  await writer.close()
  expect(order).toEqual(['first is in', 'room is made', 'second is in'])
  await backend.close()
})
