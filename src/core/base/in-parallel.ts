/** Runs a task for each item, at most `width` at a time; the first failure is thrown once those under way have ended. */
export async function inParallel<Item>(items: Iterable<Item>, width: number, task: (item: Item) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  const work = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done && failure === undefined; next = iterator.next()) {
      try {
        await task(next.value)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: width }, work))
  if (failure !== undefined) throw failure.error
}

/** The same of what comes in batches, also across them: for items that are many. */
export async function inParallelBatches<Item>(
  batches: AsyncIterable<readonly Item[]>,
  width: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  let running = 0
  let failure: { readonly error: unknown } | undefined
  let wake = (): void => {}
  const ended = (): Promise<void> => new Promise((resolve) => (wake = resolve))
  const start = async (item: Item): Promise<void> => {
    running++
    try {
      await task(item)
    } catch (error) {
      failure ??= { error }
    }
    running--
    wake()
  }
  for await (const batch of batches) {
    for (const item of batch) {
      while (running >= width) await ended()
      if (failure !== undefined) break
      void start(item)
    }
    if (failure !== undefined) break
  }
  while (running > 0) await ended()
  if (failure !== undefined) throw failure.error
}
