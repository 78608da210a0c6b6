/** What the stages of R1 hand on: models by name, traces, and what was examined. All of it is plain data on the host. */
import type { Transformer, TransformerParams } from '@adjoint/nn'
import { isTensor } from '@adjoint/tensor'
import type { OptionNames } from '@adjoint/tensor/ir'
import type { Demonstration } from '../policy/batch.ts'
import type { Json } from '../run/log.ts'

/** What held-out problems said of a model: `passAt1`, `consAtK`, `meanLength`, .., under the names of the log. */
export interface Report {
  /** Folder of the stage that examined it. */
  readonly stage: string
  readonly model: string
  readonly figures: Readonly<Record<string, number>>
}

/** The state of the recipe. */
export interface R1State {
  /**
   * Parameters by name. R1 has three: `base` (where training starts, and starts again), `policy` (what becomes R1) and
   * `student` (what it is distilled into); more may be added, as for a comparison.
   */
  readonly models: Readonly<Record<string, TransformerParams>>
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
export const r1Start = (models: {
  readonly base: TransformerParams
  readonly student: TransformerParams
}): R1State => ({ models: { ...models, policy: models.base }, traces: {}, reports: [] })

/** @internal The parameters of this name. Throws where there are none. */
export const modelOf = (name: string, { models }: R1State): TransformerParams => {
  const params = models[name]
  if (params !== undefined && Object.hasOwn(models, name)) return params
  throw new Error(
    `no model is named '${name}' (there are ${Object.keys(models).join(', ')}). Put its parameters into the state, or name another.`,
  )
}

/** @internal The traces of this name. Throws where none were sampled. */
export const tracesOf = (name: string, { traces }: R1State): readonly Demonstration[] => {
  const found = traces[name]
  if (found !== undefined && Object.hasOwn(traces, name)) return found
  throw new Error(
    `no traces are named '${name}' (there are ${Object.keys(traces).join(', ')}). Sample them in an earlier stage, or name others.`,
  )
}

/** @internal The state with these parameters under this name. */
export const withModel =
  (name: string, params: TransformerParams) =>
  (state: R1State): R1State => ({ ...state, models: { ...state.models, [name]: params } })

/** Parameters of the model that a stage reads and writes. */
export interface OnModel {
  /** Name of the parameters it starts from. */
  readonly from: string
  /** Name that what it learns has afterwards. */
  readonly to: string
  readonly model: Transformer
}

/** @internal */
export const ON_MODEL_OPTIONS: OptionNames<OnModel> = { from: true, to: true, model: true }

/** A task: its vocabulary, and all else of it, follow from its name. */
const isNamedTask = (value: object): value is { readonly name: string } =>
  'vocabulary' in value && 'name' in value && typeof value.name === 'string'

/** Null where the value is no data. */
const dataOf = (value: unknown): { readonly data: Json } | null => {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return { data: value }
  if (typeof value !== 'object' || isTensor(value)) return null
  if (Array.isArray(value)) return { data: value.flatMap((x: unknown) => dataOf(x)?.data ?? []) }
  return { data: isNamedTask(value) ? value.name : plain(value) }
}

/**
 * @internal What of a configuration is data: numbers, texts, truth values, and lists and records of them; a task is its
 * name. Functions are left out: this is what the first line of a log can say of it.
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
