/** Maps up to `width` items at once and yields the results in the order of the items; stopping early stops the source. */
export async function* mapOrdered<A, B>(source: AsyncIterable<A>, width: number, map: (item: A) => Promise<B>): AsyncGenerator<B> {
  const ahead: Promise<B>[] = []
  for await (const item of source) {
    const started = map(item)
    // Whoever stops early never awaits what was started ahead.
    started.catch(() => {})
    ahead.push(started)
    if (ahead.length >= width) yield await (ahead.shift() as Promise<B>)
  }
  for (const started of ahead) yield await started
}

/** What is at hand, as a source. */
export async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items
}
