/** Names of headers that Varve itself keeps with a record; users' own headers do not begin with `varve-`. */
export const OWN_HEADER = {
  /** Of a record that lay whole in a torn tail and was appended again: where it had been. */
  salvaged: 'varve-salvaged-offset',
  /** Of the dedupe window. */
  id: 'varve-id',
  /** On the first record of a producer's batch: `<epoch>/<sequence>/<producer id>`. */
  producer: 'varve-producer',
  /** Milliseconds since 1970, decimal: no group delivers the record before. */
  due: 'varve-due',
} as const
