// Where the lines of the branch graph run: a lane for each branch, a row for each snapshot, newest first. Pure, so that the
// picture is only drawing.

import type { SnapshotInfo } from 'varve'

export interface Row {
  readonly info: SnapshotInfo
  readonly lane: number
  /** Lanes whose line passes the row from top to bottom. */
  readonly passing: readonly number[]
  /** Lanes whose line comes from above and ends in this row's dot: children of this snapshot. */
  readonly joining: readonly number[]
  /** Its own line goes on downwards; `lost` where what it was made from is not in the list. */
  readonly below: 'line' | 'lost' | 'none'
}

export interface Lanes {
  readonly rows: readonly Row[]
  readonly count: number
}

export function lanesOf(infos: readonly SnapshotInfo[]): Lanes {
  const lanes = laneNumbers(infos)
  const laneOf = (info: SnapshotInfo): number => lanes.get(info.branch) ?? 0
  const places = new Map(infos.map((info, place) => [info.id, place]))
  const edges = infos.flatMap((info, from) =>
    info.parents.flatMap((id) => {
      const to = places.get(id)
      return to === undefined ? [] : [{ from, to, lane: laneOf(info) }]
    }),
  )
  const rows = infos.map((info, place): Row => {
    const passing = edges.filter(({ from, to }) => from < place && place < to).map(({ lane }) => lane)
    const joining = edges.filter(({ to }) => to === place).map(({ lane }) => lane)
    const below = info.parents.length === 0 ? 'none' : edges.some(({ from }) => from === place) ? 'line' : 'lost'
    return { info, lane: laneOf(info), passing: [...new Set(passing)], joining: [...new Set(joining)], below }
  })
  return { rows, count: Math.max(1, lanes.size) }
}

/** `main` first, then by age. */
function laneNumbers(infos: readonly SnapshotInfo[]): Map<string, number> {
  const names = new Set(['main', ...[...infos].reverse().map(({ branch }) => branch)])
  if (!infos.some(({ branch }) => branch === 'main')) names.delete('main')
  return new Map([...names].map((name, lane) => [name, lane]))
}
