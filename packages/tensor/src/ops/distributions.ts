/** Draws made of other draws; keys, bits and the first of them stand in random.ts. After `jax.random`, draw for draw. */
import { ShapeError } from '../base/errors.ts'
import { type DType } from '../base/dtype.ts'
import { sizeOf, type Shape } from '../base/shape.ts'
import type { Expr } from '../graph/expr.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import * as raw from '../primitives/index.ts'
import { categorical, gumbel, type Key, permutation, randint, type Sampler, uniform } from '../random.ts'
import { expand, requireDType } from './align.ts'
import { erfinvOf } from './erfinv.ts'
import { optionsOf } from '../graph/options.ts'

const like = (x: Expr, value: number): Expr => raw.fillLike(x, value)

/**
 * Exponentially distributed with mean 1: -log(1 - u) with u uniform in [0, 1). f32. Divide by a rate for others.
 *
 * @example
 * ```ts
 * import { random, readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(random.exponential(random.key(0), [3])))
 * ```
 */
export const exponential: Sampler = (key, shape) => {
  const u: Expr = uniform()(key, shape)
  return typed(raw.neg(raw.log1p(raw.neg(u))))
}

/** Laplace distributed with mean 0 and scale 1: sign(u) log(1 - |u|) with u uniform in (-1, 1). f32. */
export const laplace: Sampler = (key, shape) => {
  const u: Expr = uniform({ minval: -1 + 2 ** -24 })(key, shape)
  return typed(raw.mul(raw.sign(u), raw.log1p(raw.neg(raw.abs(u)))))
}

/** 2/sqrt(pi) int_0^x exp(-t^2) dt, by the record that computes it. */
const erf = (x: number): number =>
  raw.erfP.evaluate(
    [{ shape: [], dtype: 'f32', data: Float64Array.of(x) }],
    [{ shape: [], dtype: 'f32' }],
    null,
    () => [],
  )[0]![0]!
/** The f32 next to x, towards the other side. */
const inwards = (x: number, towards: number): number => {
  const float = Float32Array.of(x)
  if (!Number.isFinite(float[0]!)) return x
  if (float[0] === 0) return Math.sign(towards) * 2 ** -149
  const bits = new Int32Array(float.buffer)
  bits[0]! += towards > 0 === float[0]! > 0 ? 1 : -1
  return float[0]!
}

/**
 * The standard normal distribution, cut to between `lower` and `upper`: sqrt(2) erfinv(u) with u uniform between their values of the
 * distribution, and kept inside. f32. Throws RangeError unless lower < upper leaves an interval that f32 can tell apart.
 *
 * @example
 * ```ts
 * import { mul, random, readAsync } from '@adjoint/tensor'
 * const weights = mul(random.truncatedNormal(-2, 2)(random.key(0), [3]), 0.02)
 * console.log(await readAsync(weights))
 * ```
 */
export const truncatedNormal =
  (lower = -2, upper = 2): Sampler =>
  (key, shape) => {
    if (!(lower < upper))
      throw new RangeError(`random.truncatedNormal: [${lower}, ${upper}] is no interval. Pass lower < upper.`)
    const [lo, hi] = [lower, upper].map((x) => erf(x * Math.SQRT1_2)) as [number, number]
    const u: Expr = uniform({ minval: Math.max(lo, -1 + 2 ** -24), maxval: hi })(key, shape)
    const x = raw.mul(like(u, Math.fround(Math.SQRT2)), erfinvOf(u))
    const raised = raw.maximum(x, like(x, inwards(lower, 1)))
    return typed(raw.minimum(raised, like(x, inwards(upper, -1))))
  }

/** How `choice` draws. */
export interface ChoiceConfig {
  /** Whether the same element may come again. Default true. */
  readonly replace?: boolean
  /** The probability of each element, f32 [n]; equal ones where it is missing. Not divided by their sum here: only their ratios count. */
  readonly p?: Tensor<Shape, 'f32'>
}

/**
 * Elements drawn from 0 .. n - 1, or slices of the first axis of a tensor: of shape `shape`, then that of a slice. Without
 * replacement the draws are all different. Throws RangeError where there is nothing to draw from, ShapeError where more are drawn than there are,
 * or `p` is not one number for each.
 *
 * @example
 * ```ts
 * import { random, readAsync, tensor } from '@adjoint/tensor'
 * const deck = tensor([10, 20, 30])
 * console.log(await readAsync(random.choice(deck, { replace: false })(random.key(0), [3]))) // 10, 20 and 30 in some order
 * ```
 */
export const choice = <D extends DType = 'i32'>(from: number | Tensor<Shape, D>, config: ChoiceConfig = {}) => {
  const { replace = true, p } = optionsOf('random.choice', config, { replace: true, p: true })
  return (key: Key, shape: Shape = []): Tensor<Shape, D> => {
    const n = typeof from === 'number' ? from : from.shape[0]
    if (n === undefined || !Number.isInteger(n) || n < 1)
      throw new RangeError('random.choice: nothing to draw from. Pass a number of at least 1, or a tensor with rows.')
    const size = sizeOf(shape)
    const logits = p === undefined ? null : logitsOf(p, n)
    if (!replace && size > n)
      throw new ShapeError({
        op: 'random.choice',
        operands: typeof from === 'number' ? [] : [from],
        rule: `${size} different draws from ${n}`,
        fix: 'Draw fewer, or with { replace: true }',
      })
    const at = replace ? drawn(key, n, size, logits) : raw.sliceAxis(ordered(key, n, logits), 0, 0, size)
    const indices = raw.reshape(at, shape)
    return typed(typeof from === 'number' ? indices : raw.take(from, indices, 0, 'nearest'))
  }
}

const logitsOf = (p: Expr, n: number): Expr => {
  requireDType('random.choice', p, ['f32'], "Cast first: cast('f32')(p)")
  if (p.shape.length !== 1 || p.shape[0] !== n)
    throw new ShapeError({
      op: 'random.choice',
      operands: [p],
      rule: `p is one probability for each of ${n}`,
      fix: 'Pass a vector of that size',
    })
  return raw.log(p)
}
const drawn = (key: Key, n: number, size: number, logits: Expr | null): Expr => {
  if (logits === null) return randint(0, n)(key, [size])
  const rows: Tensor<readonly [number, number], 'f32'> = typed(expand(logits, [size, n]))
  return categorical(-1)(key, rows)
}
/** All in random order; by weight, those of the largest logits + gumbel first. */
const ordered = (key: Key, n: number, logits: Expr | null): Expr => {
  if (logits === null) return permutation(n)(key)
  const noise: Expr = gumbel(key, [n])
  return raw.argsort(raw.add(logits, noise), 0, true)
}
