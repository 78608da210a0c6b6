/**
 * Rotary position embedding with halves rotated, as in Hugging Face's Llama. It differs from the paper's adjacent pairs by
 * a permutation of features that the projections absorb. The rotation is written without concatenation: an axis of two
 * halves, flipped and signed, is index arithmetic in whatever kernel reads it. Angles are tables made once on the host in
 * double precision: at position 4000 a single-precision product of position and frequency is off by 1e-4 of a turn.
 */
import { add, expandDims, flip, mul, reshape, ShapeError, tensor } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandFields, demandTensors } from './demands.ts'
import type { Floats } from './layer.ts'

/**
 * How frequencies are changed so that a model reads sequences longer than those it was first trained on. `linear` divides them all by
 * `factor`. `llama3` divides those by `factor` whose wavelength exceeds `original / low` tokens, keeps those
 * below `original / high`, and goes from the one to the other between. Sources: Chen et al. (arXiv:2306.15595), section 2.3; Llama
 * 3.1's reference implementation, `apply_scaling`.
 */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3'
      readonly factor: number
      /** Wavelengths above `original / low` are long ones. */
      readonly low: number
      /** Wavelengths below `original / high` are short ones; above `low`. */
      readonly high: number
      /** Tokens of the sequences first trained on. */
      readonly original: number
    }

/** Size of the tables. */
export interface RopeConfig {
  /** Features of a head, D; even. */
  readonly dim: number
  /** Positions, the context's length. */
  readonly length: number
  /** Base of the wavelengths. Default 10000. */
  readonly theta?: number
  /** How frequencies are changed. Default null: not at all. */
  readonly scaling?: RopeScaling | null
}

/** Cosine and signed sine of each position and feature, both [length, D]: constants, not parameters. */
export interface RopeTable {
  readonly cos: Floats
  /** `-sin` in the first half of the features, `sin` in the second. */
  readonly sin: Floats
}

const demandScaling = (scaling: RopeScaling): void => {
  const { type, ...numbers } = scaling
  for (const [name, value] of Object.entries(numbers))
    if (!(Number.isFinite(value) && value > 0))
      throw new RangeError(`ropeTable: ${name} of the scaling ${type} is ${String(value)}. Give a positive number.`)
  if (scaling.type === 'llama3' && !(scaling.low < scaling.high))
    throw new RangeError(
      `ropeTable: low of the scaling llama3 is ${scaling.low}, and high ${scaling.high}. Give a low below the high.`,
    )
}

/** What becomes of a frequency, in radians a token. */
const scalings: {
  readonly [T in RopeScaling['type']]: (scaling: Extract<RopeScaling, { type: T }>) => (frequency: number) => number
} = {
  linear:
    ({ factor }) =>
    (frequency) =>
      frequency / factor,
  llama3:
    ({ factor, low, high, original }) =>
    (frequency) => {
      // turns within the original context: at most `low` of a long wavelength, at least `high` of a short one
      const turns = (original * frequency) / (2 * Math.PI)
      const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)))
      return ((1 - kept) * frequency) / factor + kept * frequency
    },
}

/** Frequencies `theta^(-2i/D)`, i < D/2, as the scaling leaves them. */
export const frequenciesOf = ({ dim, theta = 10_000, scaling = null }: RopeConfig): readonly number[] => {
  const plain = Array.from({ length: dim / 2 }, (_, i) => theta ** (-i / (dim / 2)))
  if (scaling === null) return plain
  if (!Object.hasOwn(scalings, scaling.type))
    throw new RangeError(
      `ropeTable: the scaling is ${scaling.type}. Choose one of ${Object.keys(scalings).join(', ')}.`,
    )
  demandScaling(scaling)
  // The entry of a type takes scalings of that type.
  return plain.map((scalings[scaling.type] as (own: RopeScaling) => (frequency: number) => number)(scaling))
}

/**
 * Tables of the angles `p theta^(-2i/D)` for positions p and i < D/2, repeated for both halves, or of the frequencies that a
 * scaling makes of them. Throws ShapeError where D is odd, RangeError for a scaling that is none.
 *
 * @example
 * ```ts
 * import { ropeTable } from '@adjoint/nn'
 * console.log(ropeTable({ dim: 8, length: 16 }).cos.shape) // [16, 8]
 * ```
 */
export const ropeTable = (options: RopeConfig): RopeTable => {
  const config = optionsOf('ropeTable', options, { dim: true, length: true, theta: true, scaling: true })
  const { dim, length } = config

  if (dim % 2 !== 0)
    throw new ShapeError({
      op: 'ropeTable',
      operands: [],
      rule: `a head of ${dim} features has no two halves to rotate`,
      fix: 'Choose an even width per head',
    })
  const half = dim / 2
  const frequencies = frequenciesOf(config)
  const cos = new Float32Array(length * dim)
  const sin = new Float32Array(length * dim)
  for (let p = 0; p < length; p++)
    for (let i = 0; i < half; i++) {
      const angle = p * frequencies[i]!
      const at = p * dim + i
      cos[at] = cos[at + half] = Math.cos(angle)
      sin[at + half] = Math.sin(angle)
      sin[at] = -sin[at + half]!
    }
  return { cos: tensor(cos, [length, dim]), sin: tensor(sin, [length, dim]) }
}

const FEWEST_ROWS = 256

/**
 * Tables of at least so many positions, at most `length`, made when they are first asked for: a context of 131072 tokens costs
 * nothing where sequences are short. Lengths double, so that there are few tables, at most twice the longest in all. Throws as
 * `ropeTable`, at once.
 *
 * @example
 * ```ts
 * import { ropeTables } from '@adjoint/nn'
 * const tables = ropeTables({ dim: 8, length: 131_072 })
 * console.log(tables(5).cos.shape, tables(300).cos.shape) // [256, 8] [512, 8]
 * ```
 */
export const ropeTables = (options: RopeConfig): ((positions: number) => RopeTable) => {
  const make = (length: number): RopeTable => ropeTable({ ...options, length })
  const made = new Map([[1, make(1)]])
  return (positions) => {
    const rows = Math.min(options.length, Math.max(FEWEST_ROWS, 2 ** Math.ceil(Math.log2(positions))))
    const table = made.get(rows) ?? make(rows)
    made.set(rows, table)
    return table
  }
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
export const rope = (rows: RopeTable) => {
  demandFields(
    'rope',
    'the rows',
    rows,
    ['cos', 'sin'],
    'Give ropeTable(config), or the rows of it that place(columns).rows picks.',
  )
  return (x: Floats): Floats => {
    demandTensors('rope', { x })
    const dim = x.shape.at(-1)!
    const halves: Floats = reshape([...x.shape.slice(0, -1), 2, dim / 2])(x) // [..., T, H, 2, D/2]
    const swapped: Floats = reshape(x.shape)(flip(-2)(halves))
    const [cos, sin] = [expandDims(-2)(rows.cos), expandDims(-2)(rows.sin)] // [..., T, 1, D]
    return add(mul(x, cos), mul(swapped, sin))
  }
}
