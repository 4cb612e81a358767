import type { SignalBus } from '../ports/signal-bus.js'

/** Wake-ups between the users of one object. Listeners run after the sender's call stack. */
export function localSignals(): SignalBus {
  const topics = new Map<string, Set<() => void>>()
  return {
    send(topic) {
      for (const wake of topics.get(topic) ?? []) {
        queueMicrotask(() => {
          if (topics.get(topic)?.has(wake)) wake()
        })
      }
    },
    listen(topic, wake) {
      const own = (): void => wake()
      const listeners = topics.get(topic) ?? new Set()
      topics.set(topic, listeners.add(own))
      return () => {
        listeners.delete(own)
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic)
      }
    },
  }
}
