// What every SignalBus must do. Signals may be lost and doubled in general; inside one object a listener is woken.

import type { Backend } from '../core/ports/backend.js'
import type { SignalBus } from '../core/ports/signal-bus.js'
import { expectEqual, expectTrue } from './assert.js'
import { type BackendSuiteOptions, backendCase, type MakeBackend, type SuiteCase } from './suite.js'

/** Cases for `backend.signals`. With `reopen`, a signal reaches another backend over the same place. */
export function signalBusSuite(make: MakeBackend, options: BackendSuiteOptions = {}): readonly SuiteCase[] {
  const { reopen } = options
  const suite = [
    backendCase('signals: a sender wakes the listeners of its topic', make, async (backend) => {
      const bus = busOf(backend)
      const one = woken(bus, 'a')
      const two = woken(bus, 'a')
      bus.send('a')
      await Promise.all([one.promise, two.promise])
      one.stop()
      two.stop()
    }),
    backendCase('signals: topics are apart, and a stopped listener is left alone', make, async (backend) => {
      const bus = busOf(backend)
      let wrong = 0
      const stopOther = bus.listen('b', () => wrong++)
      const stopEarly = bus.listen('a', () => wrong++)
      stopEarly()
      stopEarly()
      const right = woken(bus, 'a')
      bus.send('a')
      await right.promise
      right.stop()
      stopOther()
      expectEqual(wrong, 0, 'wrong wake-ups')
    }),
    backendCase('signals: the same function may listen twice', make, async (backend) => {
      const bus = busOf(backend)
      const right = woken(bus, 'a')
      const wake = (): void => {}
      const stop = bus.listen('a', wake)
      bus.listen('a', wake)()
      bus.send('a')
      await right.promise
      stop()
      right.stop()
    }),
    backendCase('signals: a listener may stop and listen again while it is woken', make, async (backend) => {
      const bus = busOf(backend)
      const first = woken(bus, 'a')
      bus.send('a')
      await first.promise
      first.stop()
      const second = woken(bus, 'a')
      bus.send('a')
      await second.promise
      second.stop()
    }),
  ]
  return reopen === undefined ? suite : [...suite, acrossCase(make, reopen)]
}

function acrossCase(make: MakeBackend, reopen: (backend: Backend) => Promise<Backend>): SuiteCase {
  return backendCase('signals: a signal reaches another backend over the same place', make, async (first) => {
    await first.blobs.put('made', new Uint8Array(1))
    const second = await reopen(first)
    try {
      const there = woken(busOf(second), 'a')
      busOf(first).send('a')
      await there.promise
      there.stop()
    } finally {
      await second.close()
    }
  })
}

function busOf(backend: Backend): SignalBus {
  expectTrue(backend.signals !== undefined, 'the backend has signals')
  return backend.signals as SignalBus
}

function woken(bus: SignalBus, topic: string): { readonly promise: Promise<void>; readonly stop: () => void } {
  let stop = (): void => {}
  const promise = new Promise<void>((resolve) => {
    stop = bus.listen(topic, resolve)
  })
  return { promise, stop }
}
