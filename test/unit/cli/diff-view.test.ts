// A JSON Patch step by step, and how a step is shown.

import { expect, test } from 'vitest'
import { stepText } from '../../../dist/cli/snapshot/diff-view.js'
import { patchSteps } from '../../../dist/cli/snapshot/json-patch.js'

test('steps have what was there before them, in lists that they move', () => {
  const state = { list: ['a', 'b', 'c'], old: 1, 'odd/~': { x: 1 } }
  const steps = patchSteps(state, [
    { op: 'remove', path: '/list/0' },
    { op: 'add', path: '/list/1', value: 'new' },
    { op: 'replace', path: '/list/2', value: 'C' },
    { op: 'add', path: '/list/-', value: 'end' },
    { op: 'test', path: '/old', value: 1 },
    { op: 'move', from: '/old', path: '/young' },
    { op: 'add', path: '/odd~1~0/x', value: 2 },
    { op: 'copy', from: '/young', path: '/__proto__' },
  ])
  expect([...steps]).toEqual([
    { path: '/list/0', before: 'a', after: undefined },
    { path: '/list/1', before: undefined, after: 'new' },
    { path: '/list/2', before: 'c', after: 'C' },
    { path: '/list/-', before: undefined, after: 'end' },
    { path: '/young', before: undefined, after: 1, from: '/old' },
    { path: '/odd~1~0/x', before: 1, after: 2 },
    { path: '/__proto__', before: undefined, after: 1, from: '/young' },
  ])
  expect(JSON.stringify(state)).toBe('{"list":["b","new","C","end"],"odd/~":{"x":2},"young":1,"__proto__":1}')
  expect([...patchSteps(1, [{ op: 'replace', path: '', value: [2] }])]).toEqual([{ path: '', before: 1, after: [2] }])
})

test('a step is a place and what was and is there; long texts begin shortly before they differ', () => {
  expect(stepText({ path: '/a', before: 1, after: undefined }, 80)).toBe('/a\n  - 1')
  expect(stepText({ path: '', before: undefined, after: { b: 1 } }, 80)).toBe('the whole state\n  + {"b":1}')
  const [before, after] = [`${'x'.repeat(200)}old${'y'.repeat(200)}`, `${'x'.repeat(200)}new${'y'.repeat(200)}`]
  const [path, minus = '', plus = ''] = stepText({ path: '/a', before, after }, 60).split('\n')
  expect(path).toBe('/a')
  expect(minus).toMatch(/^ {2}- …x{20}oldy+…$/)
  expect(plus).toMatch(/^ {2}\+ …x{20}newy+…$/)
  expect([minus.length, plus.length]).toEqual([60, 60])
  expect(stepText({ path: '/\u001b[31m', before: 1, after: '\u001b[0m', from: '/b' }, 80)).not.toContain('\u001b')
})
