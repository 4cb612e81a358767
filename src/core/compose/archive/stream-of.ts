/** A stream of what is yielded, made no faster than it is read; a cancel ends the generator. */
export function streamOf<T>(generate: () => AsyncGenerator<T>): ReadableStream<T> {
  let pieces: AsyncGenerator<T> | undefined
  return new ReadableStream<T>(
    {
      async pull(controller) {
        pieces ??= generate()
        const { done, value } = await pieces.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await pieces?.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
