// Many wishes to draw, one drawing at a time: a wish during a run leads to exactly one more.

import { run } from './report.js'

export function coalesce(draw: () => Promise<void>): () => void {
  let running = false
  let again = false
  const loop = async (): Promise<void> => {
    running = true
    try {
      do {
        again = false
        await draw()
      } while (again)
    } finally {
      running = false
    }
  }
  return () => {
    if (running) again = true
    else run(loop)
  }
}
