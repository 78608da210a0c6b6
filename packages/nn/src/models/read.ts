/**
 * The parameters of a model from the tensors of its files: every name and shape is checked first, then tensors are read one by one, and
 * each leaf goes to the device while the next is read. What is resident is the leaves so far, one more, and two tensors of the file, as large as the largest.
 */
import { type Device, DeviceFailure, type HostArray, random, realizeAsync, type Tensor, tree } from '@adjoint/tensor'
import { typed } from '@adjoint/tensor/ir'
import { constant } from '@adjoint/tensor/primitives'
import { CheckpointFailure, orThrow } from '../io/failure.ts'
import { allocated } from '../io/stored.ts'
import type { Weights } from '../io/weights.ts'
import type { FloatDType } from '../optim/mixed.ts'
import { type Transformer, transformer, type TransformerConfig, type TransformerParams } from '../transformer.ts'
import { type Layout, type Part, storedLeaves, type StoredLeaf } from './names.ts'
import { insertPart, isWhole } from './parts.ts'

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

/** Throws where the file's tensors are not those of the leaves. */
const demandTensors = (
  { path, tensors }: Weights,
  leaves: readonly StoredLeaf[],
  redundant: (name: string) => boolean,
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
    const found = tensors.get(name)!.shape
    if (found.length !== shape.length || found.some((n, i) => n !== shape[i]))
      throw mismatch(
        path,
        name,
        `the tensor ${name} is [${found.join(', ')}], and by the configuration [${shape.join(', ')}]`,
      )
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)

/** An array in which there is room for each of these, one at a time. Throws CheckpointFailure, which names the largest. */
const roomOf = (path: string, all: readonly Pick<Part, 'name' | 'shape'>[]): Float32Array => {
  const most = all.reduce((x, y) => (sizeOf(y.shape) > sizeOf(x.shape) ? y : x), { name: 'nothing', shape: [0] })
  return allocated(path, most, (size) => new Float32Array(size))
}

/** Tensors of the file in an order that is known beforehand. */
interface Ahead {
  /** The elements of the next one, to be used until the next are asked for. */
  readonly next: () => Promise<Float32Array>
  /** When nothing is being read any more, whatever became of it. */
  readonly settled: () => Promise<unknown>
}

/**
 * Reads each tensor while the one before it is at work, into two arrays in turn: the memory of an array for each would be cleared, touched
 * and collected anew.
 */
const readAhead = ({ path, tensors }: Weights, parts: readonly Part[], dtype: FloatDType): Ahead => {
  const sizes = parts.map(({ shape }) => sizeOf(shape))
  const arrays = [0, 1].map((turn) =>
    roomOf(
      path,
      parts.filter((_, i) => i % 2 === turn),
    ),
  )
  const start = (i: number): Promise<HostArray> | null => {
    if (i >= parts.length) return null
    const reading = orThrow(tensors.get(parts[i]!.name)!.read(dtype, arrays[i % 2]!.subarray(0, sizes[i])))
    // told when it is asked for
    reading.catch(() => undefined)
    return reading
  }
  let at = 0
  let reading = start(at)
  return {
    next: async () => {
      const elements = await reading
      const { name } = parts[at]!
      reading = start(++at)
      if (elements instanceof Float32Array) return elements
      throw new TypeError(`loadModel: ${name} was read as ${elements === null ? 'nothing' : elements.constructor.name}`)
    },
    settled: async () => reading?.catch(() => undefined),
  }
}

/**
 * A leaf's elements, of a table of positions longer than the context its first rows: those of its tensor, or in `room`, where it is made of
 * several, or of one turned.
 */
const elementsOf = async (
  { next }: Ahead,
  leaf: StoredLeaf,
  length: number,
  room: Float32Array,
): Promise<Float32Array> => {
  if (isWhole(leaf)) return (await next()).subarray(0, length)
  const elements = room.subarray(0, length)
  for (const part of leaf.parts) insertPart(leaf, part, elements, await next())
  return elements
}

const onDevice = async (path: string, leaf: Tensor, device: Device | undefined): Promise<Tensor> => {
  try {
    return await realizeAsync(leaf, device)
  } catch (error) {
    if (!(error instanceof DeviceFailure)) throw error
    throw new CheckpointFailure({ _tag: 'Device', error: error.error, message: `load ${path}: ${error.message}` })
  }
}

/** A model's description, its context, and how its parameters are kept. */
export interface ReadConfig {
  readonly config: TransformerConfig
  readonly layout: Layout
  readonly context: number
  readonly dtype: FloatDType
  readonly device: Device | undefined
}

/** The model and its parameters. Throws CheckpointFailure. */
export const readParams = async (
  weights: Weights,
  { config, layout, context, dtype, device }: ReadConfig,
): Promise<{ readonly model: Transformer; readonly params: TransformerParams }> => {
  const whole = transformer(config)
  const model = context === whole.config.context ? whole : transformer({ ...config, context })
  // Expressions, of which the shapes alone are looked at: nothing is drawn.
  const inFile = whole.init(random.key(0))
  const own = model === whole ? inFile : model.init(random.key(0))
  const stored = storedLeaves(layout, whole.config, inFile, (name) => weights.tensors.has(name))
  demandTensors(weights, stored, (name) => layout.redundant(name, whole.config))
  const { leaves, treedef } = tree.flatten(own)
  const room = roomOf(
    weights.path,
    stored.flatMap((leaf) => (isWhole(leaf) ? [] : [{ name: leaf.path, shape: leaf.shape }])),
  )
  const ahead = readAhead(
    weights,
    stored.flatMap(({ parts }) => parts),
    dtype,
  )
  const loaded: Tensor[] = []
  try {
    for (const [i, { shape }] of leaves.entries()) {
      const elements = await elementsOf(ahead, stored[i]!, sizeOf(shape), room)
      // The elements are of this dtype, as they were read, and need no look; the device has copied them when it is awaited.
      const leaf = typed(constant(elements, shape, dtype))
      loaded.push(await onDevice(weights.path, leaf, device))
    }
  } finally {
    // nothing is read of files that are closed
    await ahead.settled()
  }
  // The leaves are those of the tree that was taken apart, of the same shapes; of f16 or bf16, they are as `castFloats` leaves them.
  return { model, params: tree.unflatten(treedef, loaded) as TransformerParams }
}
