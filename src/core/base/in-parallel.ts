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
