/**
 * Derivatives by hand, as primitives over graphs: a computation with a reverse rule of its own (JAX's custom_vjp), or with a
 * forward rule (custom_jvp), which transposed is the reverse rule too.
 *
 * The operands are what each of the graphs closes over, one graph after another, and then the arguments.
 */
import { isFloat } from '../base/dtype.ts'
import { apply, applyAll, type Aval, type Expr, type Primitive } from '../graph/expr.ts'
import { type Closed, type Graph, graph as graphOf, inlined } from '../graph/graph.ts'
import { single } from '../graph/single.ts'
import { add } from '../primitives/arithmetic.ts'
import { reduceSum } from '../primitives/broadcast.ts'
import { input } from '../primitives/control.ts'
import { fillLike } from '../primitives/leaves.ts'
import { batchGraph, placed, pullbackGraph } from '../transform/derived.ts'
import { pullbackOf } from '../transform/pullback.ts'
import { avalsOf, call, overAll, present, runsAs } from './call.ts'

interface UnknownParams extends Aval {
  readonly op: string
}
const refuse = ({ op }: UnknownParams): never => {
  throw new Error(
    `${op}: the function closes over a tensor that is being differentiated, and its rule says nothing about that one. ` +
      'Make it an argument of the function and of its rule, or close over its stopGradient.',
  )
}
/**
 * The cotangent (or tangent) that follows from what a custom function closes over: unknown. It vanishes where no derivative
 * flows (integers, stopGradient), and is an error in whatever is asked for.
 */
const unknownP: Primitive<UnknownParams> = single({
  name: 'unknownCotangent',
  shape: (_, { shape, dtype }) => ({ shape, dtype }),
  // Linear in ct like every cotangent, so that forward mode meets it too.
  vjp: (_, { node: { args } }, { op }) => [unknown(op, args[0]!, args[0]!)],
  batch: ([ct], _, size, { op, shape, dtype }) => unknown(op, { shape: [size, ...shape], dtype }, ct!),
  lower: { kind: 'composite', expand: (_, params) => refuse(params) },
  evaluate: (_, __, params) => refuse(params),
})
const unknown = (op: string, { shape, dtype }: Aval, ct: Expr): Expr => apply(unknownP, [ct], { op, shape, dtype })

/** A graph over a new axis that all its outputs carry, so that the graphs of one rule go on fitting one another. */
const batched = (graph: Graph, flags: readonly boolean[], size: number): Graph => {
  const made = batchGraph(graph, flags, size)
  return graphOf(made.graph.inputs, overAll(made.graph.outputs, made.batched, size))
}

/** `operands` cut into as many as each graph closes over, and the arguments at the end. */
const parts = <T>(operands: readonly T[], closed: readonly number[]): readonly (readonly T[])[] => {
  let at = 0
  return [...closed.map((n) => operands.slice(at, (at += n))), operands.slice(at)]
}

export interface CustomVjpParams {
  /** [..closed over, ..arguments] -> values. */
  readonly primal: Graph
  /** [..closed over, ..arguments] -> [..values, ..residuals]. */
  readonly fwd: Graph
  /** [..closed over, ..residuals, ..cotangents of the values that are floats] -> cotangents of some arguments. */
  readonly bwd: Graph
  /** Which arguments these are. */
  readonly which: readonly number[]
  /** Operands that primal, fwd and bwd close over. */
  readonly closed: readonly [number, number, number]
}

/** What both of its primitives share: over a new axis, all three graphs carry it. */
const batchVjp = (
  { primal, fwd, bwd, which, closed }: CustomVjpParams,
  flags: readonly boolean[],
  size: number,
): CustomVjpParams => {
  const [p, f, b, xs] = parts(flags, closed) as [boolean[], boolean[], boolean[], boolean[]]
  const back = batched(bwd, [...b, ...bwd.inputs.slice(b.length).map(() => true)], size)
  return {
    primal: batched(primal, [...p, ...xs], size),
    fwd: batched(fwd, [...f, ...xs], size),
    // An argument that all examples share receives the sum of their cotangents.
    bwd: graphOf(
      back.inputs,
      back.outputs.map((g, k) => (xs[which[k]!] === true ? g : reduceSum(g, [0]))),
    ),
    which,
    closed,
  }
}

/** Where nothing is differentiated: the function itself. */
export const customVjpP: Primitive<CustomVjpParams> = {
  name: 'customVjp',
  outs: (_, { primal }) => avalsOf(primal.outputs),
  vjp: (cts, _, args, params, wanted) => {
    const forward = customVjpP.saving!(args, params, wanted)
    return forward.prim.vjp(
      forward.outs.map((__, i) => cts[i] ?? null),
      forward.outs,
      args,
      params,
      wanted,
    )
  },
  saving: (args, params) => applyAll(customFwdP, args, params)[0]!.node,
  batch: (args, flags, size, params) => applyAll(customVjpP, args, batchVjp(params, flags, size)),
  ...runsAs((args, { primal, closed }) => {
    const [p, , , xs] = parts(args, closed)
    return [primal, [...p!, ...xs!]]
  }),
}

/** Where something is: the values as `fwd` gives them, and the residuals that `bwd` asks for. */
const customFwdP: Primitive<CustomVjpParams> = {
  name: 'customVjp',
  outs: (_, { fwd }) => avalsOf(fwd.outputs),
  vjp: (cts, outs, args, { primal, fwd, bwd, which, closed }, wanted) => {
    const [p, f, b, xs] = parts(args, closed)
    const count = primal.outputs.length
    const found: (Expr | null)[] = args.map(() => null)
    const contribute = (i: number, g: Expr): void => {
      const sum = found[i] ?? null
      found[i] = sum === null ? g : add(sum, g)
    }
    const first = p!.length
    const rest = args.length - xs!.length
    const ofValues = cts.slice(0, count)
    const one = ofValues.find((ct) => ct !== null) ?? null
    if (one !== null) {
      const full = outs.slice(0, count).flatMap((out, i) => (isFloat(out.dtype) ? [cts[i] ?? fillLike(out, 0)] : []))
      call(bwd, [...b!, ...outs.slice(count), ...full]).forEach((g, k) => contribute(rest + which[k]!, g))
      for (let i = first; i < rest; i++) if (wanted[i] === true) contribute(i, unknown('customVjp', args[i]!, one))
    }
    // Second derivatives reach the residuals, which are differentiated as fwd makes them.
    const flags = cts.map((ct, i) => i >= count && ct !== null)
    if (flags.includes(true)) {
      const back = pullbackGraph(fwd, flags, [...wanted.slice(first, first + f!.length), ...wanted.slice(rest)])
      const grads = call(back.graph, [...f!, ...xs!, ...present(cts.slice(count))])
      placed(back, fwd.inputs.length, grads).forEach((g, i) => {
        if (g !== null) contribute(i < f!.length ? first + i : rest + i - f!.length, g)
      })
    }
    return found
  },
  batch: (args, flags, size, params) => applyAll(customFwdP, args, batchVjp(params, flags, size)),
  ...runsAs((args, { fwd, closed }) => {
    const [, f, , xs] = parts(args, closed)
    return [fwd, [...f!, ...xs!]]
  }),
}

/** The values of `primal` at `args`, with the rule of `fwd` and `bwd`. */
export const customVjp = (
  primal: Closed,
  fwd: Closed,
  bwd: Closed,
  which: readonly number[],
  args: readonly Expr[],
): readonly Expr[] =>
  applyAll(customVjpP, [...primal.operands, ...fwd.operands, ...bwd.operands, ...args], {
    primal: primal.graph,
    fwd: fwd.graph,
    bwd: bwd.graph,
    which,
    closed: [primal.operands.length, fwd.operands.length, bwd.operands.length],
  })

export interface CustomJvpParams {
  /** [..closed over, ..arguments] -> values. */
  readonly primal: Graph
  /** [..closed over, ..arguments, ..tangents of those that are floats] -> [..values, ..tangents of those that are floats]. */
  readonly push: Graph
  /** Operands that the two close over. */
  readonly closed: readonly [number, number]
}

export const customJvpP: Primitive<CustomJvpParams> = {
  name: 'customJvp',
  outs: (_, { primal }) => avalsOf(primal.outputs),
  vjp: (cts, outs, args, { push, closed }, wanted) => {
    const [p, q, xs] = parts(args, closed)
    // The tangents of the values are linear in these, so that they may stand anywhere. One for each argument: two may be one tensor.
    const ts = xs!.map((x) => (isFloat(x.dtype) ? input(fillLike(x, 0)) : null))
    const tangents = inlined(push, [...q!, ...xs!, ...present(ts)]).slice(outs.length)
    const grads = pullbackOf(tangents, present(ts)).pullback(
      outs.flatMap((out, i) => (isFloat(out.dtype) ? [cts[i] ?? null] : [])),
    )
    const one = present(cts)[0]!
    let next = 0
    return [
      ...p!.map(() => null),
      ...q!.map((x, i) => (wanted[p!.length + i] === true ? unknown('customJvp', x, one) : null)),
      ...ts.map((t) => (t === null ? null : grads[next++]!)),
    ]
  },
  jvp: (tangents, outs, args, { push, closed }) => {
    const [, q, xs] = parts(args, closed)
    const [, tq, txs] = parts(tangents, closed)
    const full = xs!.flatMap((x, i) => (isFloat(x.dtype) ? [txs![i] ?? fillLike(x, 0)] : []))
    const pushed = call(push, [...q!, ...xs!, ...full]).slice(outs.length)
    const one = present(tq!)[0]
    let next = 0
    return outs.map((out) => {
      if (!isFloat(out.dtype)) return null
      const t = pushed[next++]!
      return one === undefined ? t : add(t, unknown('customJvp', t, one))
    })
  },
  batch: (args, flags, size, { primal, push, closed }) => {
    const [p, q, xs] = parts(flags, closed) as [boolean[], boolean[], boolean[]]
    // A tangent carries the axis where its argument does; of one that all examples share there is one tangent.
    const tangents = xs.filter((_, i) => isFloat(push.inputs[q.length + i]!.dtype))
    return applyAll(customJvpP, args, {
      primal: batched(primal, [...p, ...xs], size),
      push: batched(push, [...q, ...xs, ...tangents], size),
      closed,
    })
  },
  ...runsAs((args, { primal, closed }) => {
    const [p, , xs] = parts(args, closed)
    return [primal, [...p!, ...xs!]]
  }),
}

/** The values of `primal` at `args`, with the tangents of `push`. */
export const customJvp = (primal: Closed, push: Closed, args: readonly Expr[]): readonly Expr[] =>
  applyAll(customJvpP, [...primal.operands, ...push.operands, ...args], {
    primal: primal.graph,
    push: push.graph,
    closed: [primal.operands.length, push.operands.length],
  })
