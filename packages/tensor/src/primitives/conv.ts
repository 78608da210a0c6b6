/**
 * Convolution, its adjoint and the gradient of its kernel: one sum of products of three arrays,
 *
 *     sum over g, n, o, c, p, w of  output[g, n, o, p] kernel[g, o, c, w] input[g, n, c, stride p + dilation w - before]
 *
 * (input is 0 outside, and multiplied as any other 0: what is not finite makes NaN of it), with one of the three left out. The derivative by either of the other two leaves out that one instead, so
 * that the three are closed under differentiation of any order: one record, by the role of its result. The groups g are apart.
 */
import { type Aval, apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { type Shape, sizeOf } from '../base/shape.ts'
import { align, reshape } from './broadcast.ts'
import { materialized } from './control.ts'
import { dot } from './dot.ts'
import { flip, pad, slice, transpose } from './movement.ts'
import { demandDType, demandSameDType, demandShape, floats, range } from './operands.ts'
import { dilate, reach, windows } from './skew.ts'

export const roles = ['input', 'kernel', 'output'] as const
export type Role = (typeof roles)[number]
export interface ConvParams {
  /** Which of the three is the result; the other two are the operands, in the order of `roles`. */
  readonly of: Role
  readonly stride: readonly number[]
  readonly dilation: readonly number[]
  /** Zeros before the input along each axis. */
  readonly before: readonly number[]
  /** Sizes of the result along the axes that the window slides along, or of the window. */
  readonly size: readonly number[]
}

const others = (of: Role): readonly [Role, Role] => {
  const [first, second] = roles.filter((r) => r !== of)
  return [first!, second!]
}
/** The axes of each role by name: the first three, of which each is in two of the roles. */
const AXES: Readonly<Record<Role, string>> = { input: 'gnc', kernel: 'goc', output: 'gno' }

/** What each role stands for, where one of them is the result. */
const inRoles = <T>(of: Role, args: readonly T[], result: T): Readonly<Record<Role, T>> => {
  const [first, second] = others(of)
  const two = { [first]: args[0]!, [second]: args[1]! }
  return { input: two['input'] ?? result, kernel: two['kernel'] ?? result, output: two['output'] ?? result }
}

const shapeOf = (args: readonly Aval[], { of, stride, dilation, before, size }: ConvParams): Aval => {
  const [a, b] = args as readonly [Aval, Aval]
  const op = `conv of the ${of}`
  const r = stride.length
  demandSameDType(op, args, a, b)
  demandDType(op, args, a, floats)
  demandShape(
    [dilation, before, size, a.shape.slice(3), b.shape.slice(3)].every((list) => list.length === r) &&
      [...stride, ...dilation].every((n) => Number.isInteger(n) && n >= 1) &&
      [...before, ...size].every((n) => Number.isInteger(n) && n >= 0),
    op,
    args,
    `the operands need ${3 + r} axes: three, and one for each of strides [${stride.join(', ')}], dilations [${dilation.join(', ')}], zeros before [${before.join(', ')}] and sizes [${size.join(', ')}]`,
    'Give one positive step and one count an axis.',
  )
  const known = new Map<string, number>()
  const [first, second] = others(of)
  for (const [role, { shape }] of [
    [first, a],
    [second, b],
  ] as const)
    for (const [i, axis] of [...AXES[role]].entries()) {
      demandShape(
        (known.get(axis) ?? shape[i]) === shape[i],
        op,
        args,
        `${first} [${AXES[first]}, ..] and ${second} [${AXES[second]}, ..] differ in ${axis}`,
        'Bring both to one size there.',
      )
      known.set(axis, shape[i]!)
    }
  return { shape: [...[...AXES[of]].map((axis) => known.get(axis)!), ...size], dtype: a.dtype }
}

/** Zeros before and after, or elements less where a count is negative. */
const fitted = (x: Expr, lo: readonly number[], hi: readonly number[]): Expr => {
  const lead = x.shape.slice(0, x.shape.length - lo.length)
  const none = lead.map(() => 0)
  const ends = x.shape.slice(lead.length)
  // what is cut away from either end may be more than there is
  const from = lo.map((n, i) => Math.min(ends[i]!, Math.max(0, -n)))
  const to = hi.map((n, i) => Math.max(from[i]!, ends[i]! + Math.min(0, n)))
  const size = lo.map((n, i) => ends[i]! + n + hi[i]!)
  const kept = slice(x, [...none, ...from], [...lead, ...to])
  const first = lo.map((n, i) => Math.min(size[i]!, Math.max(0, n)))
  return pad(kept, [...none, ...first], [...none, ...size.map((n, i) => n - first[i]! - (to[i]! - from[i]!))])
}
/** [g, n, c, n..] and a window of `window` at `positions`: the columns of a matrix, [g, c, w.., n, p..], as a view. */
const columns = (x: Expr, window: Shape, positions: Shape, { stride, dilation, before }: Steps): Expr => {
  const r = window.length
  const n = x.shape.slice(3)
  const after = n.map((d, i) => reach(positions[i]!, window[i]!, stride[i]!, dilation[i]!) - before[i]! - d)
  const wide = fitted(x, before, after)
  const seen = windows(wide === x ? x : materialized(wide), window, { stride, dilation, size: positions })
  const slid = range(r).map((i) => 3 + i)
  return transpose(seen, [0, 2, ...slid.map((a) => a + r), 1, ...slid])
}
type Steps = Pick<ConvParams, 'stride' | 'dilation' | 'before'>

/** output[g, n, o, p] from input [g, n, c, ..] and kernel [g, o, c, w..]. */
const correlate = (x: Expr, kernel: Expr, positions: Shape, steps: Steps): Expr => {
  const [g, o, c, ...window] = kernel.shape as readonly [number, number, number, ...number[]]
  const n = x.shape[1]!
  const matrix = reshape(columns(x, window, positions, steps), [g, c * sizeOf(window), n * sizeOf(positions)])
  const product = dot(reshape(kernel, [g, o, c * sizeOf(window)]), matrix)
  const r = window.length
  return transpose(reshape(product, [g, o, n, ...positions]), [0, 2, 1, ...range(r).map((i) => 3 + i)])
}
/** kernel[g, o, c, w] from input and output. */
const ofKernel = (x: Expr, y: Expr, window: Shape, steps: Steps): Expr => {
  const [g, n, o, ...positions] = y.shape as readonly [number, number, number, ...number[]]
  const c = x.shape[2]!
  const r = window.length
  const seen = columns(x, window, positions, steps)
  const [cw, np] = [c * sizeOf(window), n * sizeOf(positions)]
  const matrix = transpose(reshape(seen, [g, cw, np]), [0, 2, 1])
  const rows = reshape(transpose(y, [0, 2, 1, ...range(r).map((i) => 3 + i)]), [g, o, np])
  return reshape(dot(rows, matrix), [g, o, c, ...window])
}
/**
 * input[g, n, c, j] from kernel and output. With before + j = s q + r and w = s u + r (0 <= r < s the stride) it is, for each r,
 *
 *     input[g, n, c, q, r] = sum over o, u of output[g, n, o, q - u] kernel[g, o, c, u, r]
 *
 * a correlation of stride 1 with the kernel reversed in u, whose channels are the pairs of c and r: no step of the stride is
 * filled with zeros to be multiplied. Where a stride meets a dilation the kernel's own gaps are filled first, so that w runs over
 * all that the window spans. Beyond its ends the output counts as 0 here: the sum has no such terms, and they are 0 unless the
 * kernel is not finite, which then makes NaN of them. To leave them out would take a choice for each product.
 */
const ofInput = (kernel: Expr, y: Expr, size: Shape, { stride, dilation, before }: Steps): Expr => {
  const [g, o, c] = kernel.shape as readonly [number, number, number]
  const n = y.shape[1]!
  const axes = range(size.length)
  const gaps = dilation.map((d, i) => (stride[i] === 1 ? 1 : d))
  const whole = dilate(kernel, gaps)
  const turns = axes.map((i) => Math.ceil(whole.shape[3 + i]! / stride[i]!))
  const even = fitted(
    whole,
    axes.map(() => 0),
    axes.map((i) => turns[i]! * stride[i]! - whole.shape[3 + i]!),
  )
  // the axes u, r of each w apart
  const split = reshape(even, [g, o, c, ...axes.flatMap((i) => [turns[i]!, stride[i]!])])
  const us = axes.map((i) => 3 + 2 * i)
  const rs = axes.map((i) => 4 + 2 * i)
  const reversed = transpose(flip(split, us), [0, 2, ...rs, 1, ...us])
  const first = axes.map((i) => Math.floor(before[i]! / stride[i]!))
  const positions = axes.map((i) => Math.floor((before[i]! + size[i]! - 1) / stride[i]!) - first[i]! + 1)
  const steps = axes.map((i) => dilation[i]! / gaps[i]!)
  const sums = correlate(y, reshape(reversed, [g, c * sizeOf(stride), o, ...turns]), positions, {
    stride: axes.map(() => 1),
    dilation: steps,
    before: axes.map((i) => (turns[i]! - 1) * steps[i]! - first[i]!),
  })
  const apart = reshape(sums, [g, n, c, ...stride, ...positions])
  const joined = transpose(apart, [0, 1, 2, ...axes.flatMap((i) => [3 + stride.length + i, 3 + i])])
  const from = [0, 0, 0, ...axes.map((i) => before[i]! - first[i]! * stride[i]!)]
  const all = reshape(joined, [g, n, c, ...axes.map((i) => positions[i]! * stride[i]!)])
  return slice(
    all,
    from,
    [g, n, c, ...size].map((d, i) => from[i]! + d),
  )
}

const evaluate = (
  data: Readonly<Record<Role, Float64Array>>,
  shapes: Readonly<Record<Role, Shape>>,
  { of, stride, dilation, before }: ConvParams,
): void => {
  const [g, n, c, ...size] = shapes.input
  const [, , o, ...positions] = shapes.output
  const window = shapes.kernel.slice(3)
  const result = data[of]
  const [first, second] = others(of).map((role) => data[role]) as [Float64Array, Float64Array]
  const spans = [size, window, positions].map(sizeOf) as [number, number, number]
  // where each (p, w) reads the input, or -1
  const reads = Int32Array.from({ length: spans[1] * spans[2] }, (_, at) => {
    let [p, w] = [Math.floor(at / spans[1]), at % spans[1]]
    let [position, step] = [0, 1]
    for (let i = size.length - 1; i >= 0; i--) {
      const j = (p % positions[i]!) * stride[i]! + (w % window[i]!) * dilation[i]! - before[i]!
      if (j < 0 || j >= size[i]!) return -1
      position += j * step
      step *= size[i]!
      p = Math.floor(p / positions[i]!)
      w = Math.floor(w / window[i]!)
    }
    return position
  })
  const [a, b] = others(of)
  for (let group = 0; group < g!; group++)
    for (let item = 0; item < n!; item++)
      for (let to = 0; to < o!; to++)
        for (let from = 0; from < c!; from++)
          reads.forEach((j, at) => {
            if (j < 0 && of === 'input') return
            const index = {
              // NaN: outside
              input: j < 0 ? NaN : ((group * n! + item) * c! + from) * spans[0] + j,
              kernel: ((group * o! + to) * c! + from) * spans[1] + (at % spans[1]),
              output: ((group * n! + item) * o! + to) * spans[2] + Math.floor(at / spans[1]),
            }
            result[index[of]]! += (first[index[a]] ?? 0) * second[index[b]]!
          })
}

/** The first two axes in each other's place. */
const exchanged = (x: Expr): Expr => transpose(x, [1, 0, ...range(x.shape.length).slice(2)])

export const convP: Primitive<ConvParams> = single({
  name: 'conv',
  shape: shapeOf,
  vjp: (ct, out, { of, stride, dilation, before }) => {
    const value = inRoles<Expr>(of, out.node.args, ct)
    return others(of).map((role, i) => {
      const [a, b] = others(role)
      return conv(value[a], value[b], { of: role, stride, dilation, before, size: out.node.args[i]!.shape.slice(3) })
    })
  },
  batch: ([a, b], batched, size, params) => {
    const shared = others(params.of).indexOf('kernel')
    if (shared >= 0 && batched[shared] !== true) {
      // a kernel for all: members are images more
      const images = (e: Expr): Expr => {
        const [members, g, n, ...rest] = e.shape as readonly [number, number, number, ...number[]]
        return reshape(exchanged(e), [g, members * n, ...rest])
      }
      const out = shared === 0 ? conv(a!, images(b!), params) : conv(images(a!), b!, params)
      const [g, n, ...rest] = out.shape as readonly [number, number, ...number[]]
      return exchanged(reshape(out, [g, size, n / size, ...rest]))
    }
    // members are groups of their own
    const groups = (e: Expr): Expr => reshape(e, [size * e.shape[1]!, ...e.shape.slice(2)])
    const [x, y] = align([a!, b!], batched, size)
    const out = conv(groups(x!), groups(y!), params)
    return reshape(out, [size, out.shape[0]! / size, ...out.shape.slice(1)])
  },
  lower: {
    kind: 'composite',
    expand: ([a, b], params) => {
      const { of, size } = params
      if (of === 'output') return correlate(a!, b!, size, params)
      return of === 'kernel' ? ofKernel(a!, b!, size, params) : ofInput(a!, b!, size, params)
    },
  },
  evaluate: (args, out, params) => {
    const data = new Float64Array(sizeOf(out.shape))
    evaluate(
      inRoles(
        params.of,
        args.map((a) => a.data),
        data,
      ),
      inRoles(
        params.of,
        args.map((a) => a.shape),
        out.shape,
      ),
      params,
    )
    return data
  },
})
export const conv = (a: Expr, b: Expr, params: ConvParams): Expr => apply(convP, [a, b], params)
