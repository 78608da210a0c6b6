/**
 * Rotary position embedding with halves rotated, as in Hugging Face's Llama. It differs from the paper's adjacent pairs by
 * a permutation of features that the projections absorb. The rotation is written without concatenation: an axis of two
 * halves, flipped and signed, is index arithmetic in whatever kernel reads it. Angles are tables made once on the host in
 * double precision: at position 4000 a single-precision product of position and frequency is off by 1e-4 of a turn.
 */
import { add, expandDims, flip, mul, reshape, ShapeError, tensor } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import type { Floats } from './layer.ts'

/** Size of the tables. */
export interface RopeConfig {
  /** Features of a head, D; even. */
  readonly dim: number
  /** Positions, the context's length. */
  readonly length: number
  /** Base of the wavelengths. Default 10000. */
  readonly theta?: number
}

/** Cosine and signed sine of each position and feature, both [length, D]: constants, not parameters. */
export interface RopeTable {
  readonly cos: Floats
  /** `-sin` in the first half of the features, `sin` in the second. */
  readonly sin: Floats
}

/**
 * Tables of the angles `p theta^(-2i/D)` for positions p and i < D/2, repeated for both halves. Throws ShapeError where D
 * is odd.
 *
 * @example
 * ```ts
 * import { ropeTable } from '@adjoint/nn'
 * console.log(ropeTable({ dim: 8, length: 16 }).cos.shape) // [16, 8]
 * ```
 */
export const ropeTable = (options: RopeConfig): RopeTable => {
  const { dim, length, theta = 10_000 } = optionsOf('ropeTable', options, { dim: true, length: true, theta: true })

  if (dim % 2 !== 0)
    throw new ShapeError({
      op: 'ropeTable',
      operands: [],
      rule: `a head of ${dim} features has no two halves to rotate`,
      fix: 'Choose an even width per head',
    })
  const half = dim / 2
  const cos = new Float32Array(length * dim)
  const sin = new Float32Array(length * dim)
  for (let p = 0; p < length; p++)
    for (let i = 0; i < half; i++) {
      const angle = p * theta ** (-i / half)
      const at = p * dim + i
      cos[at] = cos[at + half] = Math.cos(angle)
      sin[at + half] = Math.sin(angle)
      sin[at] = -sin[at + half]!
    }
  return { cos: tensor(cos, [length, dim]), sin: tensor(sin, [length, dim]) }
}

/**
 * Rotates features i and i + D/2 of each head by the angle of its position: `x cos + swap(x) sin`, where `swap` exchanges
 * the halves. x [..., T, H, D], `rows` the table's rows at the positions of x, each [..., T, D]; same shape as x out.
 * Norms are kept, and the product of a query and a key depends on their distance only. Source: Su et al., RoFormer
 * (arXiv:2104.09864), eq. 34.
 *
 * @example
 * ```ts
 * import { rope, ropeTable } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * console.log(rope(ropeTable({ dim: 8, length: 5 }))(ones([2, 5, 3, 8])).shape) // [2, 5, 3, 8]: 5 positions, 3 heads
 * ```
 */
export const rope =
  (rows: RopeTable) =>
  (x: Floats): Floats => {
    const dim = x.shape.at(-1)!
    const halves: Floats = reshape([...x.shape.slice(0, -1), 2, dim / 2])(x) // [..., T, H, 2, D/2]
    const swapped: Floats = reshape(x.shape)(flip(-2)(halves))
    const [cos, sin] = [expandDims(-2)(rows.cos), expandDims(-2)(rows.sin)] // [..., T, 1, D]
    return add(mul(x, cos), mul(swapped, sin))
  }
