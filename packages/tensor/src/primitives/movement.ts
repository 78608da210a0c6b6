/** Movement: every element of the result is one element of an operand, or zero. Nothing here computes. */
import * as ix from '../loops/ix.ts'
import * as scalar from '../loops/scalar.ts'
import type { Scalar } from '../loops/scalar.ts'
import { apply, type Aval, type Expr, type Primitive, type Value } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { type Shape, sizeOf, stridesOf } from '../base/shape.ts'
import { fillOf, first, isFill, movesFill, type Rule, rules, sameAsOperand, twice } from './algebra.ts'
import { align, gatherValues, reshape } from './broadcast.ts'
import { fill } from './leaves.ts'
import { demandAxis, demandSameDType, demandShape, isAxis, range, replaced } from './operands.ts'

export interface TransposeParams {
  readonly perm: readonly number[]
}
export const inversePerm = (perm: readonly number[]): readonly number[] =>
  range(perm.length).map((i) => perm.indexOf(i))
/** A transposition that only moves axes of size 1 is a reshape, which costs no thought downstream. */
const movesUnitAxes: Rule<TransposeParams> = (out, { perm }) => {
  const x = first(out)
  const moved = perm.filter((a) => x.shape[a] !== 1)
  return moved.every((a, i) => i === 0 || moved[i - 1]! < a) ? reshape(x, out.shape) : null
}
export const transposeP: Primitive<TransposeParams> = single({
  name: 'transpose',
  shape: (args, { perm }) => {
    const x = args[0]!
    demandShape(
      perm.length === x.shape.length && range(perm.length).every((i) => perm.includes(i)),
      'transpose',
      args,
      `[${perm.join(', ')}] is not a permutation of the operand's ${x.shape.length} axes`,
      'Name every axis once.',
    )
    return { shape: perm.map((p) => x.shape[p]!), dtype: x.dtype }
  },
  vjp: (ct, _, { perm }) => [transpose(ct, inversePerm(perm))],
  batch: ([x], _, __, { perm }) => transpose(x!, [0, ...perm.map((p) => p + 1)]),
  simplify: rules(
    movesFill,
    movesUnitAxes,
    twice(
      () => transposeP,
      (inner, outer, x) =>
        transpose(
          x,
          outer.perm.map((i) => inner.perm[i]!),
        ),
    ),
  ),
  lower: {
    kind: 'pointwise',
    at: (index, arg, _, { perm }) =>
      arg(
        0,
        inversePerm(perm).map((i) => index[i]!),
      ),
  },
  evaluate: ([x], out, { perm }) => {
    const strides = stridesOf(x!.shape)
    return gatherValues(
      x!.data,
      out.shape,
      perm.map((p) => strides[p]!),
      0,
    )
  },
})
/** Axis i of the result is axis perm[i] of x. */
export const transpose = (x: Expr, perm: readonly number[]): Expr =>
  perm.length === x.shape.length && perm.every((p, i) => p === i) ? x : apply(transposeP, [x], { perm })

/** The permutation that moves axis `from` to position `to`. */
export const moveAxis = (x: Expr, from: number, to: number): Expr => {
  const rest = range(x.shape.length).filter((i) => i !== from)
  return transpose(x, [...rest.slice(0, to), from, ...rest.slice(to)])
}

const plus = (x: readonly number[], y: readonly number[]): readonly number[] => x.map((v, i) => v + y[i]!)

export interface SliceParams {
  readonly starts: readonly number[]
  readonly limits: readonly number[]
}
export const sliceP: Primitive<SliceParams> = single({
  name: 'slice',
  shape: (args, { starts, limits }) => {
    const x = args[0]!
    const rank = x.shape.length
    demandShape(
      starts.length === rank &&
        limits.length === rank &&
        x.shape.every((d, i) => starts[i]! >= 0 && starts[i]! <= limits[i]! && limits[i]! <= d),
      'slice',
      args,
      `[${starts.join(', ')}] to [${limits.join(', ')}] is not a block of the operand`,
      'Give 0 <= start <= limit <= size for every axis.',
    )
    return { shape: limits.map((l, i) => l - starts[i]!), dtype: x.dtype }
  },
  vjp: (ct, out, { starts, limits }) => [
    pad(
      ct,
      starts,
      out.node.args[0]!.shape.map((d, i) => d - limits[i]!),
    ),
  ],
  batch: ([x], _, size, { starts, limits }) => slice(x!, [0, ...starts], [size, ...limits]),
  simplify: rules(
    sameAsOperand,
    movesFill,
    twice(
      () => sliceP,
      (inner, outer, x) => slice(x, plus(inner.starts, outer.starts), plus(inner.starts, outer.limits)),
    ),
  ),
  lower: {
    kind: 'pointwise',
    at: (index, arg, _, { starts }) =>
      arg(
        0,
        index.map((p, i) => ix.offset(p, starts[i]!)),
      ),
  },
  evaluate: ([x], out, { starts }) => {
    const strides = stridesOf(x!.shape)
    return gatherValues(
      x!.data,
      out.shape,
      strides,
      starts.reduce((at, s, i) => at + s * strides[i]!, 0),
    )
  },
})
/** The block from `starts` up to, not including, `limits`. */
export const slice = (x: Expr, starts: readonly number[], limits: readonly number[]): Expr =>
  starts.length === x.shape.length && starts.every((s) => s === 0) && limits.every((l, i) => l === x.shape[i])
    ? x
    : apply(sliceP, [x], { starts, limits })
/** The block of one axis. */
export const sliceAxis = (x: Expr, axis: number, start: number, limit: number): Expr =>
  slice(
    x,
    replaced(
      x.shape.map(() => 0),
      axis,
      start,
    ),
    replaced(x.shape, axis, limit),
  )

/** x at `index`, clamped into range, where every (position, size) lies inside; zero elsewhere. */
const guarded = (inside: readonly Scalar[], x: Scalar): Scalar => {
  let every: Scalar | null = null
  for (const w of inside) {
    if (w.kind === 'const') {
      if (w.value === 0) return scalar.constant(x.dtype, 0)
    } else every = every === null ? w : scalar.binary('and', every, w)
  }
  return every === null ? x : scalar.select(every, x, scalar.constant(x.dtype, 0))
}

export interface PadParams {
  readonly lo: readonly number[]
  readonly hi: readonly number[]
}
export const padP: Primitive<PadParams> = single({
  name: 'pad',
  shape: (args, { lo, hi }) => {
    const x = args[0]!
    const rank = x.shape.length
    demandShape(
      lo.length === rank && hi.length === rank && [...lo, ...hi].every((n) => Number.isInteger(n) && n >= 0),
      'pad',
      args,
      `[${lo.join(', ')}] before and [${hi.join(', ')}] after must be one count >= 0 for every axis`,
      'To remove elements, slice.',
    )
    return { shape: x.shape.map((d, i) => lo[i]! + d + hi[i]!), dtype: x.dtype }
  },
  vjp: (ct, out, { lo }) => [
    slice(
      ct,
      lo,
      out.node.args[0]!.shape.map((d, i) => lo[i]! + d),
    ),
  ],
  batch: ([x], _, __, { lo, hi }) => pad(x!, [0, ...lo], [0, ...hi]),
  simplify: rules(
    sameAsOperand,
    (out) => (isFill(first(out), 0) ? fill(out.shape, out.dtype, 0) : null),
    twice(
      () => padP,
      (inner, outer, x) => pad(x, plus(inner.lo, outer.lo), plus(inner.hi, outer.hi)),
    ),
  ),
  lower: {
    kind: 'pointwise',
    at: (index, arg, out, { lo }) => {
      const from = out.node.args[0]!.shape
      if (sizeOf(from) === 0) return scalar.constant(out.dtype, 0)
      const at = index.map((p, i) => ix.offset(p, -lo[i]!))
      return guarded(
        at.map((p, i) => scalar.within(p, 0, from[i]!)),
        arg(
          0,
          at.map((p, i) => ix.clamp(p, 0, from[i]! - 1)),
        ),
      )
    },
  },
  evaluate: ([x], out, { lo }) => {
    const y = new Float64Array(sizeOf(out.shape))
    scatterValues(y, x!.data, x!.shape, stridesOf(out.shape), lo)
    return y
  },
})
/** Zeros before (`lo`) and after (`hi`) along every axis. */
export const pad = (x: Expr, lo: readonly number[], hi: readonly number[]): Expr =>
  lo.length === x.shape.length && lo.every((n) => n === 0) && hi.every((n) => n === 0)
    ? x
    : apply(padP, [x], { lo, hi })

/** Writes a block of `shape` into `y` at `starts`. */
export const scatterValues = (
  y: Float64Array,
  block: Float64Array,
  shape: Shape,
  strides: readonly number[],
  starts: readonly number[],
): void => {
  const own = stridesOf(shape)
  for (let i = 0; i < block.length; i++) {
    let at = 0
    for (let axis = 0; axis < shape.length; axis++)
      at += ((Math.floor(i / own[axis]!) % shape[axis]!) + starts[axis]!) * strides[axis]!
    y[at] = block[i]!
  }
}

export interface FlipParams {
  readonly axes: readonly number[]
}
export const flipP: Primitive<FlipParams> = single({
  name: 'flip',
  shape: (args, { axes }) => {
    const x = args[0]!
    demandShape(
      axes.every((a) => isAxis(a, x.shape.length)) && new Set(axes).size === axes.length,
      'flip',
      args,
      `[${axes.join(', ')}] must be distinct axes of the operand`,
      `Give axes from 0 to ${x.shape.length - 1}.`,
    )
    return { shape: x.shape, dtype: x.dtype }
  },
  vjp: (ct, _, { axes }) => [flip(ct, axes)],
  batch: ([x], _, __, { axes }) =>
    flip(
      x!,
      axes.map((a) => a + 1),
    ),
  simplify: rules<FlipParams>(
    movesFill,
    (out, { axes }) => (axes.every((a) => out.shape[a] === 1) ? first(out) : null),
    twice(
      () => flipP,
      (inner, outer, x) =>
        flip(
          x,
          range(x.shape.length).filter((i) => inner.axes.includes(i) !== outer.axes.includes(i)),
        ),
    ),
  ),
  lower: {
    kind: 'pointwise',
    at: (index, arg, out, { axes }) =>
      arg(
        0,
        index.map((p, i) => (axes.includes(i) ? ix.sub(ix.constant(out.shape[i]! - 1), p) : p)),
      ),
  },
  evaluate: ([x], _, { axes }) => flipValues(x!, axes),
})
/** The elements of `x` with `axes` reversed. */
export const flipValues = ({ shape, data }: Value, axes: readonly number[]): Float64Array => {
  const strides = stridesOf(shape)
  let offset = 0
  for (const a of axes) offset += (shape[a]! - 1) * strides[a]!
  return gatherValues(
    data,
    shape,
    strides.map((s, i) => (axes.includes(i) ? -s : s)),
    offset,
  )
}
/** Reverses `axes`. */
export const flip = (x: Expr, axes: readonly number[]): Expr => (axes.length === 0 ? x : apply(flipP, [x], { axes }))

export interface ConcatParams {
  readonly axis: number
}
/** Where each of the operands begins along `axis`, and the whole length. */
const offsets = (args: readonly Aval[], axis: number): readonly number[] => {
  const at = [0]
  for (const a of args) at.push(at.at(-1)! + a.shape[axis]!)
  return at
}
export const concatP: Primitive<ConcatParams> = single({
  name: 'concat',
  shape: (args, { axis }) => {
    const first = args[0]
    if (first === undefined) {
      demandShape(false, 'concat', args, 'needs at least one operand', 'For an empty result use zeros.')
      throw new Error('unreachable')
    }
    demandAxis('concat', args, axis, first.shape)
    for (const a of args) {
      demandSameDType('concat', args, first, a)
      demandShape(
        a.shape.length === first.shape.length && a.shape.every((d, i) => i === axis || d === first.shape[i]),
        'concat',
        args,
        `the operands must agree in every axis but axis ${axis}`,
        'Reshape or slice them first.',
      )
    }
    return { shape: replaced(first.shape, axis, offsets(args, axis).at(-1)!), dtype: first.dtype }
  },
  vjp: (ct, out, { axis }) => {
    const at = offsets(out.node.args, axis)
    return out.node.args.map((_, i) => sliceAxis(ct, axis, at[i]!, at[i + 1]!))
  },
  batch: (args, batched, size, { axis }) => concat(align(args, batched, size), axis + 1),
  simplify: rules(
    ({ node: { args } }, { axis }) => {
      const held = args.filter((a) => a.shape[axis] !== 0)
      return held.length === 0 || held.length === args.length ? null : concat(held, axis)
    },
    (out) => {
      const value = fillOf(first(out))
      return value !== null && out.node.args.every((a) => isFill(a, value)) ? fill(out.shape, out.dtype, value) : null
    },
  ),
  lower: {
    kind: 'pointwise',
    at: (index, arg, out, { axis }) => {
      const at = offsets(out.node.args, axis)
      const p = index[axis]!
      let result: Scalar | null = null
      // last to first: each operand covers what lies before its end
      for (let i = out.node.args.length - 1; i >= 0; i--) {
        const n = out.node.args[i]!.shape[axis]!
        if (n === 0) continue
        const own = arg(i, replacedIndex(index, axis, ix.clamp(ix.offset(p, -at[i]!), 0, n - 1)))
        result = result === null ? own : scalar.select(scalar.within(p, 0, at[i + 1]!), own, result)
      }
      return result ?? scalar.constant(out.dtype, 0)
    },
  },
  evaluate: (args, out, { axis }) => {
    const y = new Float64Array(sizeOf(out.shape))
    const at = offsets(args, axis)
    const strides = stridesOf(out.shape)
    args.forEach((a, i) =>
      scatterValues(
        y,
        a.data,
        a.shape,
        strides,
        replaced(
          a.shape.map(() => 0),
          axis,
          at[i]!,
        ),
      ),
    )
    return y
  },
})
const replacedIndex = (index: readonly ix.Ix[], axis: number, by: ix.Ix): readonly ix.Ix[] =>
  index.map((p, i) => (i === axis ? by : p))
/** Joined values are joined again beyond so many: each is a buffer, and a kernel binds only a few. */
const WIDEST = 8
/** The operands one after another along `axis`. */
export const concat = (xs: readonly Expr[], axis: number): Expr =>
  xs.length === 1 && isAxis(axis, xs[0]!.shape.length)
    ? xs[0]!
    : xs.length > WIDEST
      ? concat(
          Array.from({ length: Math.ceil(xs.length / WIDEST) }, (_, i) =>
            concat(xs.slice(i * WIDEST, (i + 1) * WIDEST), axis),
          ),
          axis,
        )
      : apply(concatP, xs, { axis })
