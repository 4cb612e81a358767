/** Runs a task once for all who ask. After a failure, which all who waited are told, the next one who asks runs it again. */
export class Once<T> {
  readonly #task: () => Promise<T>
  #result: Promise<T> | undefined

  constructor(task: () => Promise<T>) {
    this.#task = task
  }

  get(): Promise<T> {
    this.#result ??= this.#run()
    return this.#result
  }

  /** What the task resolves to is known from elsewhere. */
  set(value: T): void {
    this.#result = Promise.resolve(value)
  }

  #run(): Promise<T> {
    const result = this.#task().catch((error) => {
      if (this.#result === result) this.#result = undefined
      throw error
    })
    return result
  }
}
