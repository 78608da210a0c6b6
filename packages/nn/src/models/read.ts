/** The parameters of a model from the tensors of its files: every name, shape and dtype is checked first, then elements are read, and go to the device. */
import { type Device, random, type Tensor, tree } from '@adjoint/tensor'
import { assemblerOf } from '@adjoint/tensor/ir'
import { CheckpointFailure } from '../io/failure.ts'
import { demandKind } from '../io/stored.ts'
import type { Weights } from '../io/weights.ts'
import type { FloatDType } from '../optim/mixed.ts'
import { type Transformer, transformer, type TransformerConfig, type TransformerParams } from '../transformer.ts'
import { type Layout, storedLeaves, type StoredLeaf } from './names.ts'
import { readPieces } from './read-pieces.ts'
import { type KeepConfig, readWhole, type WantedLeaf } from './read-whole.ts'

const MANY = 8
const listed = (names: readonly string[]): string =>
  names.slice(0, MANY).join(', ') + (names.length > MANY ? `, and ${names.length - MANY} more` : '')

const mismatch = (path: string, leaf: string, what: string): CheckpointFailure =>
  new CheckpointFailure({
    _tag: 'Mismatch',
    path,
    leaf,
    message: `load ${path}: ${what}. The file's description is of another model, or the file is not whole.`,
  })

/** Throws where the file's tensors are not those of the leaves, or of elements that are none of `dtype`. */
const demandTensors = (
  { path, tensors }: Weights,
  leaves: readonly StoredLeaf[],
  { dtype, redundant }: { readonly dtype: FloatDType; readonly redundant: (name: string) => boolean },
): void => {
  const parts = leaves.flatMap((leaf) => leaf.parts)
  const wanted = new Set(parts.map(({ name }) => name))
  const missing = parts.map(({ name }) => name).filter((name) => !tensors.has(name))
  if (missing.length > 0)
    throw mismatch(path, missing[0]!, `there is no tensor ${missing[0]!} (missing in all: ${listed(missing)})`)
  const extra = [...tensors.keys()].filter((name) => !wanted.has(name) && !redundant(name))
  if (extra.length > 0)
    throw mismatch(
      path,
      extra[0]!,
      `there is a tensor ${extra[0]!}, which this architecture has not (unexpected in all: ${listed(extra)})`,
    )
  for (const { name, shape } of parts) {
    const stored = tensors.get(name)!
    demandKind(path, { name, dtype: stored.dtype }, dtype)
    const found = stored.shape
    if (found.length !== shape.length || found.some((n, i) => n !== shape[i]))
      throw mismatch(
        path,
        name,
        `the tensor ${name} is [${found.join(', ')}], and by the configuration [${shape.join(', ')}]`,
      )
  }
}

/** The leaves on the device: put together there where it does that, else by way of the host. */
const readLeaves = (weights: Weights, leaves: readonly WantedLeaf[], keep: KeepConfig): Promise<readonly Tensor[]> => {
  const begin = assemblerOf(keep.device)
  return begin === null ? readWhole(weights, leaves, keep) : readPieces(weights, leaves, { dtype: keep.dtype, begin })
}

/** A model's description, its context, and how its parameters are kept. */
export interface ReadConfig {
  readonly config: TransformerConfig
  readonly layout: Layout
  readonly context: number
  readonly dtype: FloatDType
  readonly device: Device | undefined
}

/** Expressions of a model's shapes, which are all that is looked at of them: nothing is drawn, and all blocks are the first. */
const shapesOf = ({ config }: Transformer): TransformerParams => {
  const first = transformer({ ...config, layers: 1 }).init(random.key(0))
  return { ...first, blocks: Array.from({ length: config.layers }, () => first.blocks[0]!) }
}

/** The model and its parameters. Throws CheckpointFailure. */
export const readParams = async (
  weights: Weights,
  { config, layout, context, dtype, device }: ReadConfig,
): Promise<{ readonly model: Transformer; readonly params: TransformerParams }> => {
  const whole = transformer(config)
  const model = context === whole.config.context ? whole : transformer({ ...config, context })
  const inFile = shapesOf(whole)
  const own = model === whole ? inFile : shapesOf(model)
  const stored = storedLeaves(layout, whole.config, inFile, (name) => weights.tensors.has(name))
  demandTensors(weights, stored, { dtype, redundant: (name) => layout.redundant(name, whole.config) })
  const { leaves, treedef } = tree.flatten(own)
  const wanted = stored.map((leaf, i) => ({ leaf, shape: leaves[i]!.shape }))
  const loaded = await readLeaves(weights, wanted, { dtype, device })
  // The leaves are those of the tree that was taken apart, of the same shapes; of f16 or bf16, they are as `castFloats` leaves them.
  return { model, params: tree.unflatten(treedef, loaded) as TransformerParams }
}
