// What a schema is to a queue. The first interface is Standard Schema 1 (https://standardschema.dev), which Zod, Valibot,
// ArkType and others fill; it is declared here in our own words, so that no package is needed for it.

/** A validator of any library that speaks Standard Schema version 1. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    /** Name of the library. */
    readonly vendor: string
    /** Gives a new value (defaults filled in, transformed) or the issues; a promise when it has to wait for something. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** Never there at run time: what the compiler infers from. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }

/** Why a value does not fit, and where in it. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** A schema that replaced older ones: it reads what was written with any of them. */
export interface VersionedSchema<Input = unknown, Output = Input> {
  /** From 1, one more whenever the stored values change; kept with each record. A schema that is given alone is version 1. */
  readonly version: number
  /** The newest one: new values have to fit it, and older ones after their upcasters. */
  readonly schema: StandardSchema<Input, Output>
  /**
   * `upcasters[n]` makes of a value as version n stored it one of version n + 1 (0: written without a schema); it may be
   * asynchronous. Where there is none the value passes on as it is, which does when the newest schema has defaults for
   * what was added and takes all that was there.
   */
  readonly upcasters?: Readonly<Record<number, Upcaster>>
  /**
   * A tolerant reader: every stored value passes it when it is read, one of this and of a newer version too (an older one
   * after its upcasters). Without it those of this version come back as stored, and newer ones are `unsupported`.
   */
  readonly reader?: StandardSchema<unknown, Output>
}

// biome-ignore lint/suspicious/noExplicitAny: each upcaster knows the shape of its own version, and no compiler can
export type Upcaster = (value: any) => unknown
