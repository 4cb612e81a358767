/** A wake-up, never data: a lost or doubled signal costs latency, not correctness. */
export interface SignalBus {
  send(topic: string): void
  /** Calls `wake` when another context (or this one) sends on the topic; returns how to stop. */
  listen(topic: string, wake: () => void): () => void
}
