// Ctrl-C, and what `kill` sends, as an AbortSignal: what runs until it is stopped ends in order. Sent again it ends the process.

export async function untilInterrupted<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const abort = (): void => controller.abort(new Error('interrupted'))
  process.once('SIGINT', abort)
  process.once('SIGTERM', abort)
  try {
    return await run(controller.signal)
  } catch (error) {
    // What was stopped in the middle fails in many ways, and for one reason.
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    process.off('SIGINT', abort)
    process.off('SIGTERM', abort)
  }
}
