/** Parameters whose matrices are kept as codes: a base that is read and not trained, in a quarter or a seventh of its memory. */
import { isTensor, type Tree, TreeError } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandSizes } from '../demands.ts'
import { targeted, type Targets } from '../lora/targets.ts'
import { mapMatrices, type WithWeights } from '../lora/matrices.ts'
import { sizesOf } from '../weight.ts'
import { type Bits, perWord } from './codes.ts'
import { type QuantizedMatrix, toInt4, toInt8 } from './quantized.ts'

/** How matrices are kept. */
export interface QuantizeConfig {
  readonly bits: Bits
  /** Rows of a column that share a scale, of 4 bits; a multiple of 8. Default 32. (Of 8 bits, all of a column do.) */
  readonly block?: number
  /** Which matrices, by the paths of their layers (see `lora`). Default: all. */
  readonly targets?: Targets
}

/**
 * The parameters with the weights of linear layers in 8 or 4 bits an element (`Int8Matrix`, `Int4Matrix`); tables, norms and
 * biases stay. The type of each weight has the codes beside what it was, and its sizes are known at run time. Products unpack them where they read them, and no f32 matrix is stored; activations and sums are f32 as before.
 * Realize the result, and let go of what it was made of. Integers have no gradients: train an adapter on it (`lora`).
 * Throws RangeError for bits and blocks that are none, TreeError where a matrix has another number of rows than a multiple of what
 * goes into a word, or a block: leave it out by `targets`.
 *
 * @example
 * ```ts
 * import { llama, quantize, transformer } from '@adjoint/nn'
 * import { random, realizeAsync, tensor } from '@adjoint/tensor'
 * const model = transformer(llama({ vocab: 21, width: 32, layers: 2, heads: 4, context: 8, hidden: 64 }))
 * const base = await realizeAsync(quantize({ bits: 4 })(model.init(random.key(0))))
 * console.log(model.apply(base)(tensor([1, 5, 2], [1, 3], 'i32')).shape) // [1, 3, 21]
 * ```
 */
export const quantize = (options: QuantizeConfig) => {
  const {
    bits,
    block = 32,
    targets = () => true,
  } = optionsOf('quantize', options, { bits: true, block: true, targets: true })
  if (![4, 8].includes(bits)) throw new RangeError(`quantize: bits is ${String(bits)}. Give 4 or 8.`)
  demandSizes('quantize', { block })
  if (block % perWord(4) !== 0)
    throw new RangeError(`quantize: block is ${block}. Give a multiple of 8, such as 32 or 64.`)
  const isTarget = targeted(targets)
  const step = bits === 8 ? perWord(8) : block
  return <P extends Tree>(params: P): WithWeights<P, QuantizedMatrix> =>
    mapMatrices('quantize', () => null)(params, (weight, columns) => {
      const path = columns[0]!.path
      if (!isTarget(path)) return null
      if (!isTensor(weight))
        throw new TreeError(
          `quantize: the weight of ${path} is no matrix, but adapted or quantized. Merge the adapter first.`,
        )
      const [rows] = sizesOf(weight)
      if (rows % step !== 0)
        throw new TreeError(
          `quantize: the matrix of ${path} has ${rows} rows, no multiple of ${step}. Leave it out by targets` +
            (bits === 4 ? `, or give a block that divides it.` : '.'),
        )
      return bits === 8 ? toInt8(weight) : toInt4(block, weight)
    })
}
