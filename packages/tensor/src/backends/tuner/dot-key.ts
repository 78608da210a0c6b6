/**
 * What the best cut of a product depends on, as far as it is told apart: how each operand is stored and lies, which way the result
 * lies, and sizes in steps of a quarter of an octave. Products of one key share a choice, and a typical one stands for all
 * of them where they are measured: what is remembered does not depend on which was met first.
 */
import type { DType } from '../../base/dtype.ts'
import { isHalf } from '../../base/rounding.ts'
import * as I from '../../loops/ix.ts'
import type { Axis } from '../../loops/ix.ts'
import type { DotKernel, KernelBuffer } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import { liesAlongK, stridesOf } from '../linear/operand.ts'
import { accessCost } from '../linear/plan.ts'

export interface OperandKey {
  /** What it is loaded as; `made` where each element is computed, or found by more than strides. */
  readonly from: 'f32' | 'f16' | 'bf16' | 'made'
  /** Whether its elements lie side by side along k. */
  readonly alongK: boolean
}

export interface DotKey {
  readonly a: OperandKey
  readonly b: OperandKey
  /** Whether neighbours in the result are rows. */
  readonly turned: boolean
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
}

/** Sizes that are told apart one by one. */
const EXACT = 16
/** Products in a batch beyond which more of them are more of the same. */
const MOST_BATCH = 64
/** The most multiplications of a typical product: about a tenth of a second on a slow device. */
const MOST_WORK = 2 ** 30
/** The most elements of one of its arrays: past all caches, and not all of memory. */
const MOST_ELEMENTS = 2 ** 24
/** Columns and rows beyond which a typical product has no more where it would be too much work. */
const WIDE = 512

/** The size that stands for n: itself where it is small, else the nearest above of four to an octave. */
export const bucket = (n: number): number => {
  if (n <= EXACT) return n
  const step = 2 ** (Math.ceil(Math.log2(n)) - 3)
  return Math.ceil(n / step) * step
}

const operandKey = (kernel: DotKernel, s: S.Scalar, other: Axis): OperandKey => {
  const lies = stridesOf(s, [other, kernel.k], kernel)
  const dtype: DType | undefined = lies?.dtype
  return {
    from: dtype === 'f32' ? 'f32' : dtype !== undefined && isHalf(dtype) ? dtype : 'made',
    alongK: other.extent === 1 ? kernel.k.extent > 1 : liesAlongK(s, kernel.k, other),
  }
}

export const dotKey = (kernel: DotKernel): DotKey => {
  const { m, n, k, batch, stores } = kernel
  const places = stores.map((s) => s.at)
  return {
    a: operandKey(kernel, kernel.a, m),
    b: operandKey(kernel, kernel.b, n),
    turned: accessCost(places, m) < accessCost(places, n),
    batch: Math.min(
      MOST_BATCH,
      2 **
        Math.ceil(
          Math.log2(
            Math.max(
              1,
              batch.reduce((p, x) => p * x.extent, 1),
            ),
          ),
        ),
    ),
    m: bucket(m.extent),
    n: bucket(n.extent),
    k: bucket(k.extent),
  }
}

export const keyText = ({ a, b, turned, batch, m, n, k }: DotKey): string => {
  const operand = ({ from, alongK }: OperandKey): string => `${from}${alongK ? ' along k' : ''}`
  return `${batch} x [${m}, ${k}] of ${operand(a)} by [${k}, ${n}] of ${operand(b)}${turned ? ', turned' : ''}`
}

const flat = (axes: readonly Axis[]): I.Ix =>
  I.flatten(
    axes.map(I.ofAxis),
    axes.map((x) => x.extent),
  )

/** Sizes of no more work, and no more memory, than is to be measured: fewer of a batch first, then fewer rows and columns. */
const affordable = ({ batch, m, n, k }: DotKey): Pick<DotKey, 'batch' | 'm' | 'n' | 'k'> => {
  let sizes = { batch, m, n, k }
  for (;;) {
    const { batch: items, m: rows, n: columns, k: steps } = sizes
    const largest = items * Math.max(rows * steps, steps * columns, rows * columns)
    if (items * rows * columns * steps <= MOST_WORK && largest <= MOST_ELEMENTS) return sizes
    if (items > 1) sizes = { ...sizes, batch: items / 2 }
    else if (Math.max(rows, columns) > WIDE)
      sizes = rows > columns ? { ...sizes, m: Math.ceil(rows / 2) } : { ...sizes, n: Math.ceil(columns / 2) }
    else sizes = { ...sizes, k: Math.ceil(steps / 2) }
  }
}

/** The product that stands for a key: buffers a, b and the result, nothing before and nothing after. */
export const typical = (key: DotKey): DotKernel => {
  const sizes = affordable(key)
  const B: Axis = { id: 0, extent: sizes.batch }
  const M: Axis = { id: 1, extent: sizes.m }
  const N: Axis = { id: 2, extent: sizes.n }
  const K: Axis = { id: 3, extent: sizes.k }
  const operand = (buffer: number, { from, alongK }: OperandKey, other: Axis): S.Scalar => {
    const at = flat([B, ...(alongK ? [other, K] : [K, other])])
    const load = S.load(buffer, at, 'f32')
    return from === 'made' ? S.unary('neg', load) : load
  }
  const stored = ({ from }: OperandKey): DType => (from === 'made' ? 'f32' : from)
  const buffer = (dtype: DType, size: number, write: boolean): KernelBuffer => ({ dtype, size, read: !write, write })
  return {
    kind: 'dot',
    name: 'dot',
    buffers: [
      buffer(stored(key.a), sizes.batch * sizes.m * sizes.k, false),
      buffer(stored(key.b), sizes.batch * sizes.k * sizes.n, false),
      buffer('f32', sizes.batch * sizes.m * sizes.n, true),
    ],
    batch: [B],
    m: M,
    n: N,
    k: K,
    a: operand(0, key.a, M),
    b: operand(1, key.b, N),
    reductions: [],
    stores: [
      {
        buffer: 2,
        at: flat([B, ...(key.turned ? [N, M] : [M, N])]),
        value: S.reduced(0, 'f32'),
        scope: 'full',
        mode: 'set',
      },
    ],
  }
}
