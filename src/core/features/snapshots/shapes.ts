// What stands in cells of sessions, in pages and in manifests, so that what a newer version or another program wrote is refused
// where it is read, and not somewhere behind that.

import { isAbsentOr, isCount, isFlag, isList, isListOf, isNumber, isObjectOf, isText, isTupleOf, type Shape } from '../../base/shape.js'

const ORIGIN: Shape = [
  ['index', isCount],
  ['timestamp', isNumber],
]

const MORE: Shape = [
  ['content', isAbsentOr(isText)],
  ['attempt', isAbsentOr(isText)],
  ['origin', isAbsentOr(isObjectOf(ORIGIN))],
  ['clock', isAbsentOr(isNumber)],
  ['description', isAbsentOr(isText)],
]

/** A summary, as a tuple. */
export const ROW: Shape = [
  ['id', isText],
  ['index', isCount],
  ['branch', isText],
  ['timestamp', isNumber],
  ['parents', isListOf(isText)],
  ['contentHash', isText],
  ['hash', isText],
  ['tags', isListOf(isText)],
  ['bytes', isCount],
  ['storedBytes', isCount],
  ['compression', isText],
  ['more', isAbsentOr(isObjectOf(MORE))],
]

const NAMES: Shape = [
  ['agent', isText],
  ['session', isText],
]

/** Its rows are looked at one by one. */
export const PAGE: Shape = [...NAMES, ['rows', isList]]

const HEAD: Shape = [
  ['branch', isText],
  ['id', isText],
  ['index', isCount],
]

const PAGE_REF: Shape = [
  ['id', isText],
  ['first', isCount],
  ['last', isCount],
  ['oldest', isNumber],
  ['newest', isNumber],
  ['count', isCount],
]

const LABEL: Shape = [
  ['id', isText],
  ['index', isCount],
  ['tags', isListOf(isText)],
  ['isPinned', isFlag],
]

export const SESSION_FORMAT = 2

/** Its recent rows are looked at one by one. */
export const SESSION: Shape = [
  ['format', (format) => format === SESSION_FORMAT],
  ...NAMES,
  ['nextIndex', isCount],
  ['swept', isCount],
  ['last', isAbsentOr(isObjectOf([...ORIGIN, ['hash', isText]]))],
  ['heads', isListOf(isTupleOf(HEAD))],
  ['pages', isListOf(isTupleOf(PAGE_REF))],
  ['labels', isListOf(isTupleOf(LABEL))],
  ['recent', isList],
]

const OLD_ENTRY: Shape = [
  ['id', isText],
  ['index', isCount],
  ['branch', isText],
  ['timestamp', isNumber],
  ['tags', isListOf(isText)],
  ['contentId', isText],
]

/** Of format 1. */
export const OLD_SESSION: Shape = [
  ...NAMES,
  ['nextIndex', isCount],
  ['heads', isListOf(isTupleOf(HEAD.slice(0, 2)))],
  ['entries', isListOf(isObjectOf(OLD_ENTRY))],
]

const MANIFEST: Shape = [
  ...NAMES,
  ['branch', isText],
  ...ORIGIN,
  ['parents', isListOf(isText)],
  ['contentHash', isText],
  ['tags', isListOf(isText)],
  ['description', isAbsentOr(isText)],
  ['bytes', isCount],
  ['storedBytes', isCount],
  ['compression', isText],
  ['codec', isCount],
  ['origin', isAbsentOr(isObjectOf(ORIGIN))],
  ['clock', isAbsentOr(isNumber)],
]

/** Of format 1. */
export const OLD_MANIFEST: Shape = [
  ...MANIFEST,
  [
    'content',
    isObjectOf([
      ['id', isText],
      ['compression', isCount],
      ['parts', isCount],
    ]),
  ],
]

const PREVIOUS: Shape = [
  ['index', isCount],
  ['hash', isText],
]

/** Its root is looked at where it is used. */
export const TREE_MANIFEST: Shape = [...MANIFEST, ['previous', isAbsentOr(isObjectOf(PREVIOUS))], ['hash', isText]]
