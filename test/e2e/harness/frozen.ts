// A tab whose process is stopped by a signal, as phones do with tabs in the background. The debugging interface can also call a
// page frozen, but then its timers and its storage go on.

import type { BrowserContext, CDPSession } from '@playwright/test'

export class Frozen {
  readonly #pid: number

  private constructor(pid: number) {
    this.#pid = pid
  }

  /** Stops the tab that works while `work` is done: the one whose process takes by far the most time. */
  static async busiest(context: BrowserContext, work: () => Promise<unknown>): Promise<Frozen> {
    const cdp = await context.browser()?.newBrowserCDPSession()
    if (cdp === undefined) throw new Error('the browser cannot be asked')
    try {
      const before = await timesOf(cdp)
      for (;;) {
        await work()
        const taken = [...(await timesOf(cdp))].map(([pid, seconds]) => ({ pid, seconds: seconds - (before.get(pid) ?? 0) }))
        const [first, second] = taken.sort((a, b) => b.seconds - a.seconds)
        if (first === undefined || first.seconds < 0.03 || first.seconds < 2 * (second?.seconds ?? 0)) continue
        process.kill(first.pid, 'SIGSTOP')
        return new Frozen(first.pid)
      }
    } finally {
      await cdp.detach()
    }
  }

  thaw(): void {
    process.kill(this.#pid, 'SIGCONT')
  }

  /** What a system that is short of memory does next. */
  kill(): void {
    process.kill(this.#pid, 'SIGKILL')
  }
}

/** Seconds of processor time by process id. */
async function timesOf(cdp: CDPSession): Promise<ReadonlyMap<number, number>> {
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo')
  return new Map(processInfo.filter(({ type }) => type === 'renderer').map(({ id, cpuTime }) => [id, cpuTime]))
}
