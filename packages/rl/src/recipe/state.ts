/** What the stages of R1 hand on: models by name, traces, and what was examined. All of it is plain data on the host. */
import type { TransformerParams } from '@adjoint/nn'
import { isTensor, type Tree } from '@adjoint/tensor'
import type { OptionNames } from '@adjoint/tensor/ir'
import type { Demonstration } from '../policy/batch.ts'
import type { Policy } from '../policy/policy.ts'
import type { Json } from '../run/log.ts'

/** What held-out problems said of a model: `passAt1`, `consAtK`, `meanLength`, .., under the names of the log. */
export interface Report {
  /** Folder of the stage that examined it. */
  readonly stage: string
  readonly model: string
  readonly figures: Readonly<Record<string, number>>
}

/**
 * The state of the recipe. Its parameters are of one kind P: those of transformers, which is the default, adapters, or those of any
 * other policy. Where students are of another kind than their teacher, let each kind have a state of its own (see `within`).
 */
export interface R1State<P extends Tree = TransformerParams> {
  /**
   * Parameters by name. R1 has three: `base` (where training starts, and starts again), `policy` (what becomes R1) and
   * `student` (what it is distilled into); more may be added, as for a comparison.
   */
  readonly models: Readonly<Record<string, P>>
  /** Sampled traces, by name; those of R1 are `kept`. */
  readonly traces: Readonly<Record<string, readonly Demonstration[]>>
  /** In the order of the exams. */
  readonly reports: readonly Report[]
}

/**
 * The state before the first stage: the policy is the base.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, r1Start } from '@adjoint/rl'
 * import { random } from '@adjoint/tensor'
 * const of = (layers: number) =>
 *   transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers, heads: 2, context: 21 })
 * const start = r1Start({ base: of(2).init(random.key(0)), student: of(1).init(random.key(1)) })
 * ```
 */
export const r1Start = <P extends Tree>(models: { readonly base: P; readonly student: P }): R1State<P> => ({
  models: { ...models, policy: models.base },
  traces: {},
  reports: [],
})

/** @internal The parameters of this name. Throws where there are none. */
export const modelOf = <P extends Tree>(name: string, { models }: R1State<P>): P => {
  const params = models[name]
  if (params !== undefined && Object.hasOwn(models, name)) return params
  throw new Error(
    `no model is named '${name}' (there are ${Object.keys(models).join(', ')}). Put its parameters into the state, or name another.`,
  )
}

/** @internal The traces of this name. Throws where none were sampled. */
export const tracesOf = <P extends Tree>(name: string, { traces }: R1State<P>): readonly Demonstration[] => {
  const found = traces[name]
  if (found !== undefined && Object.hasOwn(traces, name)) return found
  throw new Error(
    `no traces are named '${name}' (there are ${Object.keys(traces).join(', ')}). Sample them in an earlier stage, or name others.`,
  )
}

/** @internal The state with these parameters under this name. */
export const withModel =
  <P extends Tree>(name: string, params: P) =>
  (state: R1State<P>): R1State<P> => ({ ...state, models: { ...state.models, [name]: params } })

/** Parameters that a stage reads and writes, and the policy that they are of. */
export interface OnModel<P extends Tree = TransformerParams> {
  /** Name of the parameters it starts from. */
  readonly from: string
  /** Name that what it learns has afterwards. */
  readonly to: string
  /** Of a transformer (`transformerPolicy`), through an adapter (`policyThrough`), or any other. */
  readonly policy: Policy<P>
}

/** @internal */
export const ON_MODEL_OPTIONS: OptionNames<OnModel<never>> = { from: true, to: true, policy: true }

/** A task: all of it follows from its name. */
const isNamedTask = (value: object): value is { readonly name: string } =>
  'verify' in value && 'name' in value && typeof value.name === 'string'

/** A policy: what its model says of itself, and how long its texts are. */
const isPolicy = (value: object): value is Pick<Policy<never>, 'config' | 'context'> =>
  'generate' in value && 'score' in value && 'context' in value

/** Null where the value is no data. */
const dataOf = (value: unknown): { readonly data: Json } | null => {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return { data: value }
  if (typeof value !== 'object' || isTensor(value)) return null
  if (Array.isArray(value)) return { data: value.flatMap((x: unknown) => dataOf(x)?.data ?? []) }
  if (isNamedTask(value)) return { data: value.name }
  if (!isPolicy(value)) return { data: plain(value) }
  return { data: { ...plain(value.config ?? {}), context: value.context } }
}

/**
 * @internal What of a configuration is data: numbers, texts, truth values, and lists and records of them; a task is its
 * name, a policy what its model is. Functions are left out: this is what the first line of a log can say of it.
 */
export const plain = (config: object): { readonly [key: string]: Json } =>
  Object.fromEntries(
    Object.entries(config).flatMap(([name, field]: [string, unknown]) => {
      const kept = dataOf(field)
      return kept === null ? [] : [[name, kept.data]]
    }),
  )

/** @internal The first line of a stage's log: its configuration, and what it was told beside. */
export const settingsOf = ({
  settings = {},
  ...config
}: {
  readonly name: string
  readonly settings?: { readonly [key: string]: Json }
}): { readonly [key: string]: Json } => ({ ...plain(config), ...settings })
