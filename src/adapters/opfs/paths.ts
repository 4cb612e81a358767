// Keys on a medium whose names hold 255 characters. A key's components become folders; one that is too long is cut into
// pieces, all but the last in folders marked `+`, a character that keys never have. So no two keys share a place.

const PIECE = 200

export interface Place {
  /** Folders from the top, outermost first. */
  readonly folders: readonly string[]
  /** The last piece, without what the file's kind adds. */
  readonly leaf: string
}

export function placeOf(key: string): Place {
  const components = key.split('/')
  const pieces = components.flatMap(piecesOf)
  return { folders: pieces.slice(0, -1), leaf: pieces[pieces.length - 1] as string }
}

/** The part of a key that its folder spells: `a/b/` of `['a', 'b']`. */
export function textOfFolder(folder: string): string {
  return folder.endsWith('+') ? folder.slice(0, -1) : `${folder}/`
}

/** The folders that every key with this prefix lies in. */
export function foldersOfPrefix(prefix: string): readonly string[] {
  const end = prefix.lastIndexOf('/')
  return end < 0 ? [] : prefix.slice(0, end).split('/').flatMap(piecesOf)
}

function piecesOf(component: string): readonly string[] {
  const pieces: string[] = []
  let at = 0
  for (; component.length - at > PIECE; at += PIECE) pieces.push(`${component.slice(at, at + PIECE)}+`)
  return [...pieces, component.slice(at)]
}
