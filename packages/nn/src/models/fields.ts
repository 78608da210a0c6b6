/**
 * Descriptions of models in files, field by field. A description is read by a table of the fields that are known: what each says of
 * the configuration here, or that it says nothing of what is computed. A field that is not in the table is an error, since its
 * meaning would be ignored; so is a value that asks for something that is not computed here. The same table writes.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import type { TransformerConfig } from '../transformer.ts'

type Complete = Required<TransformerConfig>

/** A field: what its value says, or why it cannot be had; and its value for a configuration, where it is written. */
export interface Field {
  readonly read: (value: unknown) => Either<string, Partial<TransformerConfig>>
  /** Undefined where it is left out. */
  readonly write?: (config: Complete) => unknown
}

/** The fields of one kind of file. */
export interface Fields {
  readonly known: Readonly<Record<string, Field>>
  /** Those without which nothing is known. */
  readonly required: readonly string[]
  /** Whether a field that is not in the table says nothing of what is computed: those of a tokenizer, of an author. */
  readonly harmless?: (name: string) => boolean
}

/** What is wrong with a description: the field, its value, and a text. */
export interface ConfigFlaw {
  readonly field: string
  readonly value: unknown
  readonly message: string
}

/** A value as a message shows it. */
export const shown = (value: unknown): string => {
  const text = typeof value === 'bigint' ? `${value}` : (JSON.stringify(value) as string | undefined)
  if (text === undefined) return String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

/** Says nothing of what is computed. */
export const ignored: Field = { read: () => right({}) }

/** Says nothing while it is one of these; the first is written. */
export const only = (...values: readonly [unknown, ...unknown[]]): Field => ({
  read: (value) =>
    values.includes(value)
      ? right({})
      : left(`only ${values.map(shown).join(' or ')} is computed by this architecture here`),
  write: () => values[0],
})

/** A field that says nothing is not written. */
export const unwritten = ({ read }: Field): Field => ({ read })

/** A field whose null says what its absence does. */
export const orAbsent = (field: Field): Field => ({
  ...field,
  read: (value) => (value === null ? right({}) : field.read(value)),
})

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0
const isPositive = (value: unknown): value is number => typeof value === 'number' && value > 0 && value < Infinity

type NumberKey = { [K in keyof Complete]: Complete[K] extends number ? K : never }[keyof Complete]

/** A field that is one of ours by another name. */
const entry =
  <K extends keyof Complete>(is: (value: unknown) => value is Complete[K], what: string) =>
  (key: K): Field => ({
    read: (value) => (is(value) ? right({ [key]: value }) : left(`it is to be ${what}`)),
    write: (config) => config[key],
  })

/** A positive integer. */
export const size = entry<NumberKey>(isSize, 'a positive integer')
/** A positive number. */
export const positive = entry<NumberKey>(isPositive, 'a positive number')
/** Whether the head is the embedding's table. */
export const tied = entry<'tiedHead'>((value) => typeof value === 'boolean', 'true or false')('tiedHead')

/** Whether two values of a configuration are one: those of a record in whatever order it has them. */
export const sameValue = (x: unknown, y: unknown): boolean => {
  const ordered = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value).sort() : value
  return JSON.stringify(ordered(x)) === JSON.stringify(ordered(y))
}

/** Two readings of the whole: where fields disagree, what the later one says. */
const disagreement = (
  sofar: Partial<TransformerConfig>,
  more: Partial<TransformerConfig>,
): keyof TransformerConfig | undefined =>
  (Object.keys(more) as (keyof TransformerConfig)[]).find(
    (key) => sofar[key] !== undefined && !sameValue(sofar[key], more[key]),
  )

/** What a description says of the configuration. */
export const readFields =
  ({ known, required, harmless = () => false }: Fields) =>
  (given: Readonly<Record<string, unknown>>): Either<ConfigFlaw, Partial<TransformerConfig>> => {
    const flaw = (field: string, why: string): Either<ConfigFlaw, never> =>
      left({ field, value: given[field], message: `${field} is ${shown(given[field])}: ${why}` })
    const absent = required.find((name) => given[name] === undefined || given[name] === null)
    if (absent !== undefined)
      return left({ field: absent, value: given[absent], message: `${absent} is missing: it has no default` })
    let all: Partial<TransformerConfig> = {}
    for (const [name, value] of Object.entries(given)) {
      const field = Object.hasOwn(known, name) ? known[name] : undefined
      if (field === undefined) {
        if (value === null || harmless(name)) continue
        return flaw(
          name,
          'this field is not known here, and its meaning would be ignored. Remove it where it changes nothing of what the model computes',
        )
      }
      const part = field.read(value)
      if (part._tag === 'Left') return flaw(name, part.left)
      const other = disagreement(all, part.right)
      if (other !== undefined)
        return flaw(name, `another field says ${shown(all[other])} where this one says ${shown(part.right[other])}`)
      all = { ...all, ...part.right }
    }
    return right(all)
  }

/** The description of a configuration. */
export const writeFields =
  ({ known }: Fields) =>
  (config: Complete): Readonly<Record<string, unknown>> =>
    Object.fromEntries(
      Object.entries(known)
        .map(([name, field]) => [name, field.write?.(config)] as const)
        .filter(([, value]) => value !== undefined),
    )
