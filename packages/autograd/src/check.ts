/** Derivatives against central differences, on the reference interpreter in double precision. */
import { random, type Tree } from '@adjoint/tensor'
import { evaluate, isFloat, sizeOf, type Expr, optionsOf } from '@adjoint/tensor/ir'
import { add, fill, mul, neg, reduceSum, reshape } from '@adjoint/tensor/primitives'
import { differentiate, pushforwardOf, zerosLike } from './reverse.ts'
import { demandGiven, take } from './trees.ts'

/** How derivatives are compared with differences. */
export interface CheckGradsOptions {
  /** Derivatives of which order are checked: 1, then those of the gradient, and so on. Default 2. */
  readonly order?: number
  /** Step of the differences. Default 2^-13, the same in single and double precision. */
  readonly eps?: number
  /** Tolerance in proportion to the derivative. Default 1e-5. */
  readonly rtol?: number
  /** Tolerance besides. Default 1e-6. */
  readonly atol?: number
  /** Of the random directions. Default 0. */
  readonly seed?: number
}

/** A derivative and the differences disagree. */
export class GradientError extends Error {
  override readonly name = 'GradientError'
}

type Fn = (xs: readonly Expr[]) => readonly Expr[]

/** Sum over all leaves of <x, y>: a scalar. */
const inner = (xs: readonly Expr[], ys: readonly (Expr | null)[]): Expr =>
  xs.reduce(
    (sum, x, i) => {
      const y = ys[i] ?? null
      return y === null ? sum : add(sum, reduceSum(reshape(mul(x, y), [sizeOf(x.shape)]), [0]))
    },
    fill([], 'f32', 0),
  )

const normals = (seed: number, like: readonly Expr[]): readonly Expr[] =>
  like.map((x, i) => random.normal()(random.foldIn(random.key(seed), i), x.shape))

/**
 * Checks the derivatives of `f` at the given arguments: in random directions, forward mode and reverse mode against central
 * differences `(f(x + eps t) - f(x - eps t)) / 2 eps`, all computed in double precision on the reference interpreter; for
 * `order` 2 the derivatives of the pullback too, and so on. Choose points away from kinks. Integer leaves stay as they are.
 *
 * @param f - A pure function of trees of tensors.
 * @param options - Order, step and tolerances.
 * @returns A function of `f`'s arguments (host tensors) that returns nothing where all agree.
 * @throws TypeError where there is nothing to check; GradientError naming the mode, the order, both numbers, and the argument leaves that disagree.
 *
 * @example
 * ```ts
 * import { checkGrads } from '@adjoint/autograd'
 * import { mul, sin, tensor, type Tensor } from '@adjoint/tensor'
 * const f = (x: Tensor<readonly [3], 'f32'>) => mul(x, sin(x))
 * checkGrads(f, { order: 2 })(tensor([0.1, 0.2, 0.3], [3]))
 * ```
 */
export const checkGrads = <A extends readonly Tree[]>(f: (...args: A) => Tree, options: CheckGradsOptions = {}) => {
  const given = optionsOf('checkGrads', options, { order: true, eps: true, rtol: true, atol: true, seed: true })
  return (...args: A): void => {
    demandGiven('checkGrads', args)
    const { leaves, paths, rebuild } = take(args)
    const floats = leaves.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []))
    const results = take(f(...args)).leaves
    if (floats.length === 0 || !results.some((y) => isFloat(y.dtype)))
      throw new TypeError(
        `checkGrads: no ${floats.length === 0 ? 'argument' : 'result'} is floating point, so that nothing would be checked.`,
      )
    const g: Fn = (xs) => {
      const all = [...leaves]
      floats.forEach((i, k) => (all[i] = xs[k]!))
      return take(f(...rebuild(all))).leaves.filter((y) => isFloat(y.dtype))
    }
    const { order = 2, eps = 2 ** -13, rtol = 1e-5, atol = 1e-6, seed = 0 } = given
    const names = floats.map((i) => paths[i]!)
    checkOrders(
      g,
      floats.map((i) => leaves[i]!),
      names,
      { order, eps, rtol, atol, seed },
      1,
    )
  }
}

const checkOrders = (
  f: Fn,
  xs: readonly Expr[],
  names: readonly string[],
  given: Required<CheckGradsOptions>,
  nth: number,
): void => {
  const { order, eps, rtol, atol, seed } = given
  const cts = normals(2 * (seed + nth), f(xs))
  const close = (a: number, b: number): boolean => Math.abs(a - b) <= atol + rtol * Math.abs(b)

  /** Derivatives of <ct, f> along `ts` in both modes, and the differences. */
  const along = (ts: readonly Expr[]): { readonly [mode: string]: number } => {
    const shifted = (by: number): Expr => inner(cts, f(xs.map((x, i) => add(x, mul(fill(x.shape, 'f32', by), ts[i]!)))))
    const reverse = inner(ts, differentiate('checkGrads', f, xs).pullback(cts))
    const forward = inner(cts, pushforwardOf('checkGrads', f, xs).pushforward(ts))
    const [r, d, rise] = evaluate([reverse, forward, add(shifted(eps), neg(shifted(-eps)))])
    return { reverse: r!.data[0]!, forward: d!.data[0]!, differences: rise!.data[0]! / (2 * Math.fround(eps)) }
  }

  const ts = normals(2 * (seed + nth) + 1, xs)
  const all = along(ts)
  for (const mode of ['reverse', 'forward']) {
    if (close(all[mode]!, all['differences']!)) continue
    const guilty = names.filter((_, i) => {
      const one = along(xs.map((x, k) => (k === i ? ts[k]! : zerosLike(x))))
      return !close(one[mode]!, one['differences']!)
    })
    throw new GradientError(
      `checkGrads: the ${mode}-mode derivative of order ${nth} is ${all[mode]!}, and central differences (eps ${eps}) say ` +
        `${all['differences']!}: off by ${Math.abs(all[mode]! - all['differences']!)}, tolerance ${atol} + ${rtol} |d|. ` +
        (guilty.length === 0 ? '' : `Disagreeing arguments: ${guilty.join(', ')}. `) +
        'A vjp rule is wrong, or the function has a kink or a random draw between the two points.',
    )
  }
  if (nth >= order) return
  const derivative: Fn = (ys) => {
    const gs = differentiate('checkGrads', f, ys).pullback(cts)
    return ys.map((y, i) => gs[i] ?? zerosLike(y))
  }
  checkOrders(derivative, xs, names, given, nth + 1)
}
