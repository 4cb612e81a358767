/** These options, where they are given: absent ones stay absent. */
export function pick<Options extends object, Name extends keyof Options>(options: Options, ...names: readonly Name[]): Pick<Options, Name> {
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]])) as Pick<Options, Name>
}
