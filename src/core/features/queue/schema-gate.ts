// Where values meet the schema of their queue: validated on the way in, in the order of the calls; brought to the present
// version on the way out.

import { isStorageError, StorageError } from '../../base/errors.js'
import { formatPath } from '../../codec/value-path.js'
import type { SchemaIssue, SchemaResult, StandardSchema, Upcaster, VersionedSchema } from './schema.js'

/** A value may have any number of issues; an error tells the first ones. */
const MAX_ISSUES = 20

/** Where a stored value lies, for the error about it. */
export interface StoredPlace {
  readonly bucket: number
  readonly offset: number
}

/** The error for issues, or for what a schema threw. */
type Refuse = (issues: readonly SchemaIssue[] | undefined, cause?: unknown) => StorageError

type Validator<Output> = StandardSchema<unknown, Output>['~standard']

export class SchemaGate<Output> {
  readonly version: number
  readonly #standard: Validator<Output>
  /** Of every value that is read, if there is one. */
  readonly #reader: Validator<Output> | undefined
  /** In the order of the versions they begin at. */
  readonly #upcasters: readonly (readonly [from: number, upcaster: Upcaster])[]
  #before: Promise<unknown> | undefined

  /** `invalid` for what is no schema. */
  constructor(option: StandardSchema<unknown, Output> | VersionedSchema<unknown, Output>) {
    const given = Object(option) as typeof option // what is no object has no schema either
    const { version, schema, upcasters = {}, reader = undefined } = isStandard(given) ? { version: 1, schema: given } : given
    checkSchema(version, schema)
    this.version = version
    this.#standard = schema['~standard']
    if (reader !== undefined) checkSchema(version, reader)
    this.#reader = reader?.['~standard']
    this.#upcasters = sortUpcasters(upcasters, version)
  }

  /** Gives `use` what the schema makes of a new value: at once unless the schema is asynchronous. `invalid` with the issues. */
  check<Result>(value: unknown, index: number | undefined, use: (checked: Output) => Result): Result | Promise<Result> {
    const checked = this.#validate(this.#standard, value, (issues, cause) => {
      const facts = { index, schemaVersion: this.version, ...issueFacts(issues) }
      return new StorageError('invalid', 'the value does not fit the schema of the queue', { operation: 'append', facts, cause })
    })
    if (!(checked instanceof Promise)) return use(checked)
    const used = checked.then(use)
    used.catch(() => {}) // it reaches the caller, unless another value of the batch fails before anybody waits for this one
    return used
  }

  /**
   * Results that are there at once pass; one that must be waited for holds up those of later calls, so that what was
   * appended first is stored first.
   */
  inOrder<Result>(result: Result | Promise<Result>): Result | Promise<Result> {
    const before = this.#before
    if (before === undefined && !(result instanceof Promise)) return result
    const turn = inTurn(result, before)
    const done = Promise.allSettled([before, turn]).then(() => {
      if (this.#before === done) this.#before = undefined
    })
    this.#before = done
    return turn
  }

  /**
   * A stored value as the present schema has it. One of this version comes back as it is; an older one goes through its
   * upcasters and the schema; `unsupported` for a newer one. Where there is a tolerant reader, all go through that in the
   * place of the schema. `invalid` for one that does not fit in the end.
   */
  upgrade(value: unknown, recordVersion: number | undefined, place: StoredPlace): Output | Promise<Output> {
    if (recordVersion === this.version && this.#reader === undefined) return value as Output
    const facts = { ...place, recordVersion: recordVersion ?? 0, readerVersion: this.version }
    if (recordVersion !== undefined && recordVersion > this.version && this.#reader === undefined) {
      throw new StorageError('unsupported', 'the record was written with a newer schema than the one given', { operation: 'read', facts })
    }
    return this.#upcast(value, recordVersion ?? 0, (issues, cause) => {
      const message = 'a stored value does not become one of the present schema; mend its upcasters'
      return new StorageError('invalid', message, { operation: 'read', facts: { ...facts, ...issueFacts(issues) }, cause })
    })
  }

  async #upcast(stored: unknown, from: number, refuse: Refuse): Promise<Output> {
    let value = stored
    try {
      for (const [version, upcaster] of this.#upcasters) if (version >= from) value = await upcaster(value)
    } catch (cause) {
      throw refuse(undefined, cause)
    }
    return this.#validate(this.#reader ?? this.#standard, value, refuse)
  }

  #validate(standard: Validator<Output>, value: unknown, refuse: Refuse): Output | Promise<Output> {
    try {
      const result = standard.validate(value)
      if (!('then' in result)) return accept(result, refuse)
      return Promise.resolve(result).then(
        (settled) => accept(settled, refuse),
        (cause) => Promise.reject(refuse(undefined, cause)),
      )
    } catch (cause) {
      throw isStorageError(cause) ? cause : refuse(undefined, cause)
    }
  }
}

function accept<Output>(result: SchemaResult<Output>, refuse: Refuse): Output {
  if (result.issues !== undefined) throw refuse(result.issues)
  return result.value
}

async function inTurn<Result>(result: Result | Promise<Result>, before: Promise<unknown> | undefined): Promise<Result> {
  const settled = await result
  await before
  return settled
}

function issueFacts(issues: readonly SchemaIssue[] | undefined): Record<string, unknown> {
  if (issues === undefined) return {}
  const told = issues.slice(0, MAX_ISSUES).map(({ message, path = [] }) => ({ path: pathOf(path), message }))
  return { issues: told, ...(issues.length > MAX_ISSUES ? { issueCount: issues.length } : {}) }
}

function pathOf(path: NonNullable<SchemaIssue['path']>): string {
  const keys = path.map((step) => (typeof step === 'object' ? step.key : step))
  return formatPath(keys.map((key) => (typeof key === 'symbol' ? { text: `[${String(key)}]` } : key)))
}

function isStandard<Input, Output>(
  option: StandardSchema<Input, Output> | VersionedSchema<Input, Output>,
): option is StandardSchema<Input, Output> {
  return '~standard' in option // some libraries make functions of their schemas
}

function checkSchema(version: number, schema: StandardSchema): void {
  const standard = schema?.['~standard']
  if (standard?.version !== 1 || typeof standard.validate !== 'function') {
    throw refused('schema is a Standard Schema, or { version, schema, upcasters } with one')
  }
  if (!Number.isSafeInteger(version) || version < 1) throw refused('the version of a schema is a whole number from 1', { version })
}

function sortUpcasters(upcasters: Readonly<Record<number, Upcaster>>, version: number): [number, Upcaster][] {
  const steps = Object.entries(upcasters).map(([from, upcaster]): [number, Upcaster] => [Number(from), upcaster])
  for (const [from, upcaster] of steps) {
    if (!Number.isInteger(from) || from < 0 || from >= version || typeof upcaster !== 'function') {
      throw refused('an upcaster is a function, under the older version that it takes', { upcaster: from, version })
    }
  }
  return steps.sort(([a], [b]) => a - b)
}

function refused(message: string, facts: Record<string, unknown> = {}): StorageError {
  return new StorageError('invalid', message, { operation: 'openQueue', facts })
}
