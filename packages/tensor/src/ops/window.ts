/** What convolutions and pools say of the windows that slide over an image [N, C, ..spatial]: steps, padding, sizes. */
import { ShapeError, shown } from '../base/errors.ts'
import { isShape, showShape, type Shape } from '../base/shape.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { OptionNames } from '../graph/options.ts'

/** One number for every spatial axis, or one for each. */
export type PerAxis = number | readonly number[]

/**
 * Zeros around each spatial axis: one number for every side, [before, after] for each axis, `'valid'` for none, or `'same'` for as many
 * that there are ceil(size / stride) windows, an odd one after.
 */
export type Padding = number | readonly (readonly [number, number])[] | 'same' | 'valid'

/** How a window slides. */
export interface Sliding {
  /** Steps from window to window. Default 1. */
  readonly stride?: PerAxis
  /** Default 'valid'. */
  readonly padding?: Padding
  /** Steps between neighbours in a window. Default 1. */
  readonly dilation?: PerAxis
}
export const slidingOptions: OptionNames<Sliding> = { stride: true, padding: true, dilation: true }

/** The sizes of an image whose spatial ones are computed: N and C, or what stands for them, and numbers. */
export type Imaged<N extends Shape[number], C extends Shape[number], S extends Shape> = readonly [
  N,
  C,
  ...{ readonly [I in keyof S]: number },
]

/** [N, C, ..n] -> [N, C, ..p] */
export type Pooled<S extends Shape> = number extends S['length']
  ? Shape
  : S extends readonly [infer N extends Shape[number], infer C extends Shape[number], ...infer Rest extends Shape]
    ? Imaged<N, C, Rest>
    : Shape

/** Options as lists, an element a spatial axis. */
export interface Windows {
  readonly window: Shape
  readonly stride: readonly number[]
  readonly dilation: readonly number[]
  /** From the first to the last element of a window, both included. */
  readonly span: readonly number[]
  /** Padding of axes of these sizes. */
  readonly around: (sizes: Shape) => readonly (readonly [number, number])[]
}

type Fail = (rule: string, fix: string) => ShapeError

/** Plain JavaScript may pass anything. */
export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** One integer of at least `least` for each of `rank` spatial axes. */
export const listed = (name: string, value: PerAxis, rank: number, fail: Fail, least = 1): readonly number[] => {
  const list = typeof value === 'number' ? Array.from({ length: rank }, () => value) : value
  const fix = `Pass one integer of at least ${least}, or a list of ${rank}`
  if (!isList(list)) throw fail(`${name} is ${shown(value)}`, fix)
  if (list.length !== rank || !list.every((n) => Number.isInteger(n) && n >= least))
    throw fail(
      `${name} ${showShape(list)} is not one ${least === 1 ? 'positive integer' : `integer of at least ${least}`} for each of ${rank} spatial axes`,
      fix,
    )
  return list
}

const padded = (padding: Padding, rank: number, fail: Fail): readonly (readonly [number, number])[] | 'same' => {
  if (padding === 'same') return padding
  const pairs = padding === 'valid' ? 0 : padding
  const list = typeof pairs === 'number' ? Array.from({ length: rank }, () => [pairs, pairs] as const) : pairs
  const right =
    isList(list) &&
    list.length === rank &&
    list.every((p: readonly number[]) => isList(p) && p.length === 2 && isShape(p))
  if (right) return list
  throw fail(
    `padding ${typeof padding === 'number' ? padding : JSON.stringify(padding)} does not name two sides of ${rank} spatial axes`,
    "Pass 'same', 'valid', one integer of at least 0, or [before, after] for each axis",
  )
}

export const windowsOf = (
  op: string,
  operands: readonly Expr[],
  window: Shape,
  { stride = 1, padding = 'valid', dilation = 1 }: Sliding,
): Windows => {
  const fail: Fail = (rule, fix) => new ShapeError({ op, operands, rule, fix })
  const rank = window.length
  if (!window.every((w) => Number.isInteger(w) && w >= 1))
    throw fail(`a window ${showShape(window)} has no elements`, 'Each of its sizes is an integer of at least 1')
  const steps = listed('stride', stride, rank, fail)
  const gaps = listed('dilation', dilation, rank, fail)
  const pairs = padded(padding, rank, fail)
  const span = window.map((w, i) => gaps[i]! * (w - 1) + 1)
  return {
    window,
    stride: steps,
    dilation: gaps,
    span,
    around: (sizes) =>
      pairs === 'same'
        ? sizes.map((n, i) => {
            const missing = Math.max(0, raw.reach(Math.ceil(n / steps[i]!), window[i]!, steps[i]!, gaps[i]!) - n)
            return [Math.floor(missing / 2), Math.ceil(missing / 2)] as const
          })
        : pairs,
  }
}

/** How many windows fit over axes of these sizes, and the padding around them. Throws ShapeError where not one does. */
export const positionsOf = (
  op: string,
  operands: readonly Expr[],
  sizes: Shape,
  { stride, span, around }: Windows,
): { readonly positions: Shape; readonly before: readonly number[]; readonly after: readonly number[] } => {
  const pairs = around(sizes)
  const positions = sizes.map((n, i) => Math.floor((n + pairs[i]![0] + pairs[i]![1] - span[i]!) / stride[i]!) + 1)
  // over nothing at all there are no windows, and none is missing
  const short = positions.findIndex((p, i) => p < 1 && sizes[i]! + pairs[i]![0] + pairs[i]![1] > 0)
  if (short >= 0) {
    const [lo, hi] = pairs[short]!
    throw new ShapeError({
      op,
      operands,
      rule: `a window spans ${span[short]!} elements of spatial axis ${short}, which has ${sizes[short]! + lo + hi} with its padding`,
      fix: "Pad more (padding: 'same'), or take a smaller window or dilation",
    })
  }
  return {
    positions: positions.map((p) => Math.max(0, p)),
    before: pairs.map(([lo]) => lo),
    after: pairs.map(([, hi]) => hi),
  }
}
