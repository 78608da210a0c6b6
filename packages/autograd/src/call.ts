/**
 * Computations with a derivative of their own. The results of a call are computed as usual; behind them stands one `call`
 * node, which is never computed, and whose vjp rule is the call's own `backward`. Each result is a `result` node: an
 * identity on the computed value for every device, while its cotangent goes to the call instead of to the computation.
 *
 * A node has one output, and a call may have several results: the call is the vector of all of them laid end to end, a
 * result is a piece of it, and so the sum that reverse mode forms at the call is the tuple of all cotangents.
 */
import { apply, isFloat, primitives, sizeOf, type Aval, type Expr, type Primitive } from '@adjoint/tensor/ir'
import { batchCall, spreadOut } from './vmap.ts'

const { fill, pad, reduceSum, reshape, slice } = primitives

/** Cotangents of the call's arguments, in their order, from the arguments and the cotangents of its float results. */
export type Backward = (args: readonly Expr[], cts: readonly Expr[]) => readonly (Expr | null)[]

interface CallParams {
  /** Axes that vmap put in front of every result. */
  readonly lead: readonly number[]
  /** What the results are without these axes. */
  readonly outs: readonly Aval[]
  readonly backward: Backward
}

const total = (outs: readonly Aval[]): number => outs.reduce((n, { shape }) => n + sizeOf(shape), 0)

/** The pieces of a vector [...lead, total], one for each result: [...lead, ...shape]. */
const split = (vector: Expr, { lead, outs }: CallParams): readonly Expr[] => {
  let offset = 0
  return outs.map(({ shape }) => {
    const size = sizeOf(shape)
    const starts = [...lead.map(() => 0), offset]
    const limits = [...lead, (offset += size)]
    const piece = outs.length === 1 ? vector : slice(vector, starts, limits)
    return reshape(piece, [...lead, ...shape])
  })
}

/** `backward` over a new axis 0 of those arguments that are `batched` and of all cotangents. */
const batchBackward =
  (backward: Backward, batched: readonly boolean[], size: number): Backward =>
  (args, cts) => {
    const given: number[] = []
    const grads = batchCall(
      (xs) =>
        backward(xs.slice(0, args.length), xs.slice(args.length)).flatMap((g, i) => {
          if (g === null) return []
          given.push(i)
          return [g]
        }),
      [...args, ...cts],
      [...batched, ...cts.map(() => true)],
      size,
    )
    const slots = new Map(given.map((i, k) => [i, grads[k]!]))
    return args.map((_, i) => {
      const g = slots.get(i)
      if (g === undefined) return null
      const stacked = spreadOut(g, size)
      // an argument that all examples share receives the sum of their cotangents
      return batched[i] === true ? stacked : reduceSum(stacked, [0])
    })
  }

const callP: Primitive<CallParams> = {
  name: 'call',
  shape: (_, { lead, outs }) => ({ shape: [...lead, total(outs)], dtype: 'f32' }),
  vjp: (ct, { args }, params) => params.backward(args, split(ct, params)),
  batch: (args, batched, size, params) =>
    apply(callP, args, {
      ...params,
      lead: [size, ...params.lead],
      backward: batchBackward(params.backward, batched, size),
    }),
  lower: { kind: 'composite', expand: (_, { lead, outs }) => fill([...lead, total(outs)], 'f32', 0) },
  evaluate: (_, { shape }) => new Float64Array(sizeOf(shape)),
}

interface ResultParams {
  readonly lead: number
  /** Elements of the call's vector before this piece, and after it. */
  readonly before: number
  readonly after: number
}

/** Arguments: the computed value, and the call behind it. */
const resultP: Primitive<ResultParams> = {
  name: 'result',
  shape: ([value]) => ({ shape: value!.shape, dtype: value!.dtype }),
  vjp: (ct, _, { lead, before, after }) => {
    const axes = ct.shape.slice(0, lead)
    const piece = reshape(ct, [...axes, sizeOf(ct.shape.slice(lead))])
    const none = axes.map(() => 0)
    return [null, before + after === 0 ? piece : pad(piece, [...none, before], [...none, after])]
  },
  batch: (args, batched, size, params) =>
    apply(
      resultP,
      args.map((x, i) => (batched[i] === true ? x : spreadOut({ node: x, batched: false }, size))),
      { ...params, lead: params.lead + 1 },
    ),
  lower: { kind: 'pointwise', at: (index, arg) => arg(0, index) },
  evaluate: ([value]) => value!.data,
}

/** `values` with `backward` as the derivative of their float ones by `args`; integers are themselves. */
export const call = (values: readonly Expr[], args: readonly Expr[], backward: Backward): readonly Expr[] => {
  const outs = values.filter((v) => isFloat(v.dtype))
  if (outs.length === 0) return values
  const params: CallParams = { lead: [], outs: outs.map(({ shape, dtype }) => ({ shape, dtype })), backward }
  const node = apply(callP, args, params)
  let before = 0
  return values.map((value) => {
    if (!isFloat(value.dtype)) return value
    const size = sizeOf(value.shape)
    const out = apply(resultP, [value, node], { lead: 0, before, after: total(outs) - before - size })
    before += size
    return out
  })
}
