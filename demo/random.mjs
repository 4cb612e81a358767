/** A whole number from 1 to `most`, decided by the seed alone (one step of splitmix32). */
export function seededNumber(seed, most) {
  let x = (seed + 0x9e3779b9) >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return 1 + Math.floor((((x ^ (x >>> 15)) >>> 0) / 2 ** 32) * most)
}
