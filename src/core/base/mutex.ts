/** Runs one task at a time, in the order they came. A failed task does not stop the next. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task, task)
    this.#last = result.catch(() => {})
    return result
  }
}

/** One mutex a key, forgotten when nobody uses it. */
export class KeyedMutex {
  readonly #queues = new Map<string, { readonly mutex: Mutex; users: number }>()

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? { mutex: new Mutex(), users: 0 }
    this.#queues.set(key, queue)
    queue.users++
    try {
      return await queue.mutex.run(task)
    } finally {
      if (--queue.users === 0) this.#queues.delete(key)
    }
  }
}
