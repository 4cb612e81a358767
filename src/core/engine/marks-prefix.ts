/** Before the names of the tasks in the keys of a queue's marks. */
export function marksPrefix(incarnation: string): string {
  return `${incarnation}/marks/`
}
