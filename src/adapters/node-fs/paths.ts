// Keys become paths below one folder. Every component gets a mark outside the key alphabet, so a value and a folder of
// the same name lie beside each other and `..` is only a name. A component of 200 bytes or more is cut into folders.

import { StorageError } from '../../core/base/errors.js'
import { NAME } from './errors.js'

const VALUE = '='
const FOLDER = '+'
const CUT = '&'
const PIECE = 200
const KEY = /^[0-9a-z\-_~./]+$/

export const MAX_KEY_BYTES = 3000

/** Relative path of a key's file. Throws `invalid` for what is not a key. */
export function pathOfKey(key: string): string {
  if (!KEY.test(key)) {
    throw new StorageError('invalid', 'a key is not empty and holds only 0-9 a-z - _ ~ . /', { backend: NAME, key })
  }
  if (key.length > MAX_KEY_BYTES) {
    throw new StorageError('invalid', 'the key is too long', { backend: NAME, facts: { bytes: key.length, maxKeyBytes: MAX_KEY_BYTES } })
  }
  const components = key.split('/')
  const last = components.pop() as string
  const folders = components.map((component) => `${cut(component)}${FOLDER}/`)
  return `${folders.join('')}${cut(last)}${VALUE}`
}

function cut(component: string): string {
  let path = ''
  let rest = component
  while (rest.length >= PIECE) {
    path += `${rest.slice(0, PIECE)}${CUT}/`
    rest = rest.slice(PIECE)
  }
  return path + rest
}

/**
 * What a folder entry adds to the key, and whether it is a value. Sorting entries of one folder by `adds` sorts all
 * keys below them. undefined for what no key makes.
 */
export function readEntry(name: string, isFolder: boolean): { readonly adds: string; readonly isValue: boolean } | undefined {
  const mark = name.slice(-1)
  const piece = name.slice(0, -1)
  if (piece !== '' && !KEY.test(piece)) return undefined
  if (!isFolder) return mark === VALUE ? { adds: piece, isValue: true } : undefined
  if (mark === FOLDER) return { adds: `${piece}/`, isValue: false }
  return mark === CUT && piece.length === PIECE ? { adds: piece, isValue: false } : undefined
}
