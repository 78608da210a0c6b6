/** What a model's files say of its configuration: `config.json` of a folder, or the metadata of a GGUF file. */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { orThrow } from '../io/failure.ts'
import type { Weights } from '../io/weights.ts'
import type { TransformerConfig } from '../transformer.ts'
import { describedBy, type Described, fitted } from './architectures.ts'
import { configFailure, orConfigFailure } from './failure.ts'
import type { ConfigFlaw } from './fields.ts'
import { scalingOfFactors, sizesOfGguf } from './gguf-fields.ts'
import { ggufLayouts, hfLayouts, type Layout } from './names.ts'

/** A model as its files describe it, and where its tensors stand in them. */
export interface Description extends Described {
  readonly layout: Layout
  /** The fields of `config.json`, or the metadata of GGUF, as they are there. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** By the text of a `config.json`. */
export const describeFolder = (text: string): Either<ConfigFlaw, Description> => {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return left({ field: '', value: text.slice(0, 80), message: `it is no JSON: ${why}` })
  }
  const described = describedBy(given)
  if (described._tag === 'Left') return described
  // What was read as a description is an object.
  const fields = given as Description['fields']
  return right({ ...described.right, layout: hfLayouts[described.right.architecture], fields })
}

const FACTORS = 'rope_freqs.weight'

/** What tensors say that the metadata leaves out: the vocabulary's size, whether there is a head, factors of frequencies. */
const fromTensors = async (
  { path, tensors }: Weights,
  sizes: Partial<TransformerConfig>,
): Promise<Partial<TransformerConfig>> => {
  const rows = tensors.get('token_embd.weight')?.shape[0]
  const tiedHead = !tensors.has('output.weight')
  const more = { ...(rows !== undefined && { vocab: rows }), ...sizes, tiedHead }
  const stored = tensors.get(FACTORS)
  if (stored === undefined) return more
  const factors = [...(await orThrow(stored.read('f32')))]
  const { width = 0, heads = 1, headDim = width / heads, ropeTheta } = sizes
  const ropeScaling = scalingOfFactors(factors, { dim: headDim, theta: ropeTheta })
  const both = ropeScaling !== null && (sizes.ropeScaling ?? null) !== null
  if (ropeScaling !== undefined && !both) return { ...more, ...(ropeScaling !== null && { ropeScaling }) }
  return configFailure(path, {
    field: FACTORS,
    value: factors,
    message: `${FACTORS} divides the frequencies by up to ${Math.max(...factors)}${both ? ' besides rope.scaling' : ''}, and not as Llama 3.1 to 3.3 do, which is what is computed here`,
  })
}

/** By the metadata of a GGUF file, and its tensors. */
export const describeGguf = async (weights: Weights): Promise<Description> => {
  const { architecture, sizes } = orConfigFailure(weights.path, sizesOfGguf(weights.metadata))
  const all = await fromTensors(weights, sizes)
  const field = 'general.architecture'
  const described = orConfigFailure(weights.path, fitted(architecture, all, field))
  return { ...described, layout: ggufLayouts[architecture], fields: weights.metadata }
}
