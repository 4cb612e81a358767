// One bar a phase on a terminal, drawn at most ten times a second; nothing where the output is no terminal.

const WIDTH = 30
const REDRAW_MS = 100

/** { update(done), end() } for a phase of `total` steps. */
export function progressBar(title, total, stream = process.stderr) {
  if (!stream.isTTY || total <= 0) return { update() {}, end() {} }
  let drawnAt = 0
  return {
    update(done) {
      const now = performance.now()
      if (now - drawnAt < REDRAW_MS) return
      drawnAt = now
      stream.write(`\r${bar(title, done / total)}`)
    },
    end() {
      stream.write('\r\x1b[K')
    },
  }
}

export function bar(title, share) {
  const bounded = Math.min(1, Math.max(0, share))
  const full = Math.round(bounded * WIDTH)
  return `${title.padEnd(10)} ${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${String(Math.round(bounded * 100)).padStart(3)} %`
}
