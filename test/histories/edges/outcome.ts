/** What became of one drawn history. */
export interface Outcome {
  /** What is wrong with it; undefined when nothing is. */
  readonly fault: string | undefined
  readonly calls: number
  /** How often each fault came to pass. */
  readonly struck: ReadonlyMap<string, number>
}
