// Draws a row of the branch graph: lines that stretch with the row, and a dot for the snapshot.

import { element } from '../dom.js'
import type { Row } from './branch-lanes.js'

const SVG = 'http://www.w3.org/2000/svg'
/** Of a lane, in CSS pixels; the height is a share of the row's. */
const WIDTH = 16
const COLOURS = 6

export function branchPicture({ lane, passing, joining, below }: Row, count: number): HTMLElement {
  const lines = [
    ...passing.map((at) => line(at, `M${x(at)} 0V100`)),
    ...joining.map((at) => line(at, at === lane ? `M${x(at)} 0V50` : `M${x(at)} 0C${x(at)} 40 ${x(lane)} 20 ${x(lane)} 50`)),
    ...(below === 'none' ? [] : [line(lane, `M${x(lane)} 50V100`, below)]),
  ]
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', `0 0 ${count * WIDTH} 100`)
  svg.setAttribute('preserveAspectRatio', 'none')
  svg.append(...lines)
  const dot = element('i', { class: 'dot', data: { lane: String(lane % COLOURS) } })
  dot.style.insetInlineStart = `${x(lane)}px`
  const picture = element('span', { class: 'lanes', attributes: { 'aria-hidden': 'true' } }, svg, dot)
  picture.style.inlineSize = `${count * WIDTH}px`
  return picture
}

function x(lane: number): number {
  return lane * WIDTH + WIDTH / 2
}

function line(lane: number, path: string, kind = 'line'): SVGPathElement {
  const made = document.createElementNS(SVG, 'path')
  made.setAttribute('d', path)
  made.setAttribute('class', kind)
  made.dataset.lane = String(lane % COLOURS)
  return made
}
