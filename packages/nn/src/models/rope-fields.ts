/**
 * How files say rotary frequencies: `rope_theta` beside `rope_scaling`, or both as `rope_parameters` in files of Transformers 5.
 * Source: Hugging Face Transformers, modeling_rope_utils.py.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import type { RopeScaling } from '../rope.ts'
import type { TransformerConfig } from '../transformer.ts'
import { type Field, shown } from './fields.ts'

type Said = Readonly<Record<string, unknown>>

/** The numbers of each kind: their name here, and in a file. */
const kinds = {
  linear: { factor: 'factor' },
  llama3: {
    factor: 'factor',
    low: 'low_freq_factor',
    high: 'high_freq_factor',
    original: 'original_max_position_embeddings',
  },
} as const satisfies Record<RopeScaling['type'], Readonly<Record<string, string>>>

const isKind = (type: string): type is RopeScaling['type'] => Object.hasOwn(kinds, type)

/** Fields that are there whatever the kind is, and what each may be. */
const plain: Readonly<Record<string, (value: unknown) => boolean>> = {
  rope_type: (value) => typeof value === 'string',
  type: (value) => typeof value === 'string',
  rope_theta: (value) => typeof value === 'number' && value > 0,
  partial_rotary_factor: (value) => value === 1,
}

const scalingOf = (given: Said): Either<string, RopeScaling | null> => {
  const type = given['rope_type'] ?? given['type'] ?? 'default'
  if (given['rope_type'] !== undefined && given['type'] !== undefined && given['rope_type'] !== given['type'])
    return left(`rope_type is ${shown(given['rope_type'])}, and type ${shown(given['type'])}`)
  if (typeof type !== 'string' || (type !== 'default' && !isKind(type)))
    return left(`rope_type ${shown(type)} is not computed here; default, ${Object.keys(kinds).join(' and ')} are`)
  const numbers: Readonly<Record<string, string>> = isKind(type) ? kinds[type] : {}
  const names = Object.values(numbers)
  for (const [name, value] of Object.entries(given)) {
    if (value === null || names.includes(name)) continue
    // what a file of the linear kind says of the original context has no part in what is computed
    if (name === 'original_max_position_embeddings') continue
    if (!Object.hasOwn(plain, name)) return left(`its ${name} has no meaning for rope_type ${type}`)
    if (!plain[name]!(value)) return left(`its ${name} of ${shown(value)} is not computed here`)
  }
  const lacking = names.find((name) => !(typeof given[name] === 'number' && given[name] > 0))
  if (lacking !== undefined)
    return left(`its ${lacking} of ${shown(given[lacking])} is to be a positive number, for rope_type ${type}`)
  if (!isKind(type)) return right(null)
  const read = Object.fromEntries(Object.entries(numbers).map(([own, name]) => [own, given[name]]))
  // Each kind was read by the names of its numbers.
  const scaling = { type, ...read } as RopeScaling
  if (scaling.type === 'llama3' && !(scaling.low < scaling.high))
    return left(`its low_freq_factor of ${scaling.low} is not below its high_freq_factor of ${scaling.high}`)
  return right(scaling)
}

const isSaid = (value: unknown): value is Said => typeof value === 'object' && value !== null && !Array.isArray(value)

const read = (value: unknown): Either<string, Partial<TransformerConfig>> => {
  if (value === null) return right({ ropeScaling: null })
  if (!isSaid(value)) return left('it is to be an object')
  const scaling = scalingOf(value)
  if (scaling._tag === 'Left') return scaling
  const theta = value['rope_theta']
  return right({ ropeScaling: scaling.right, ...(typeof theta === 'number' && { ropeTheta: theta }) })
}

/** `rope_scaling`, written beside `rope_theta`: files of any version say it so, and every version reads it. */
export const ropeScalingField: Field = {
  read,
  write: ({ ropeScaling }) =>
    ropeScaling === null
      ? null
      : {
          rope_type: ropeScaling.type,
          ...Object.fromEntries(
            Object.entries<string>(kinds[ropeScaling.type]).map(([own, name]) => [
              name,
              (ropeScaling as unknown as Readonly<Record<string, number>>)[own],
            ]),
          ),
        },
}

/** `rope_parameters`: what the two fields say, in one. */
export const ropeParametersField: Field = { read: (value) => (value === null ? right({}) : read(value)) }
