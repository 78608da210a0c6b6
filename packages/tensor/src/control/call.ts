/**
 * A graph called as a whole: what `jit` is inside of another transformation. It is traced once, differentiated and batched
 * once whatever the number of its calls, and stands in the caller's place when that is compiled, so that fusion crosses it.
 */
import { isFloat } from '../base/dtype.ts'
import type { Aval, Evaluator, Expr, Primitive, Value } from '../graph/expr.ts'
import { applyAll } from '../graph/expr.ts'
import { type Graph, inlined } from '../graph/graph.ts'
import { spread } from '../primitives/broadcast.ts'
import { demandShape } from '../primitives/operands.ts'
import { sameShape } from '../base/shape.ts'
import { batchGraph, placed, pullbackGraph, pushforwardGraph, savingGraph } from '../transform/derived.ts'

/** Params of primitives over one graph. */
export interface GraphParams {
  readonly graph: Graph
}

/** Throws ShapeError unless a graph was traced on `given`: the arguments, or, with `fits` and `what`, what is made of them. */
export const demandTraced = (
  op: string,
  { inputs }: Graph,
  args: readonly Aval[],
  given = args,
  fits = true,
  what = 'graph',
): void =>
  demandShape(
    fits &&
      inputs.length === given.length &&
      inputs.every((x, i) => sameShape(x.shape, given[i]!.shape) && x.dtype === given[i]!.dtype),
    op,
    args,
    `the operands are not those of the ${what}`,
    'Pass operands of the shapes and dtypes that it was traced on.',
  )
export const avalsOf = (xs: readonly Aval[]): readonly Aval[] => xs.map(({ shape, dtype }) => ({ shape, dtype }))
/** What a graph gives. Throws where its operands are not what it was traced on. */
export const outsOf = (op: string, graph: Graph, args: readonly Aval[]): readonly Aval[] => {
  demandTraced(op, graph, args)
  return avalsOf(graph.outputs)
}
/** The outputs of a graph at values of its inputs. */
export const valuesAt = ({ inputs, outputs }: Graph, args: readonly Value[], run: Evaluator): readonly Float64Array[] =>
  run(outputs, new Map(inputs.map((x, i) => [x, args[i]!]))).map((v) => v.data)

/** Of a primitive that is one of its graphs where nothing is differentiated any more: which, and at what. */
export const runsAs = <P>(
  of: <T>(args: readonly T[], params: P) => readonly [Graph, readonly T[]],
): Pick<Primitive<P>, 'graphs' | 'lower' | 'evaluate'> => ({
  graphs: (args, params) => {
    const [graph, given] = of(args, params)
    return { of: [graph], over: ([made], more) => call(made!, [...more, ...given]) }
  },
  lower: { kind: 'composite', expand: (args, params) => inlined(...of(args, params)) },
  evaluate: (args, _, params, run) => valuesAt(...of(args, params), run),
})
/** What is computed of a batch, over the new axis also where it is the same for all members. */
export const overAll = (outs: readonly Expr[], batched: readonly boolean[], size: number): readonly Expr[] =>
  outs.map((out, i) => (batched[i] === true ? out : spread(out, size)))

export const present = (xs: readonly (Expr | null)[]): readonly Expr[] => xs.filter((x) => x !== null)

export const callP: Primitive<GraphParams> = {
  name: 'call',
  outs: (args, { graph }) => outsOf('call', graph, args),
  vjp: (cts, _, args, { graph }, wanted) => {
    const back = pullbackGraph(
      graph,
      cts.map((ct) => ct !== null),
      wanted,
    )
    return placed(back, args.length, call(back.graph, [...args, ...present(cts)]))
  },
  jvp: (tangents, outs, args, { graph }) => {
    const forward = pushforwardGraph(
      graph,
      tangents.map((t, i) => t !== null && isFloat(args[i]!.dtype)),
    )
    return placed(forward, outs.length, call(forward.graph, [...args, ...present(tangents)]))
  },
  saving: (args, { graph }, wanted) => applyAll(callP, args, { graph: savingGraph(graph, wanted) })[0]!.node,
  batch: (args, batched, size, { graph }) => {
    const made = batchGraph(graph, batched, size)
    return overAll(call(made.graph, args), made.batched, size)
  },
  ...runsAs((args, { graph }) => [graph, args]),
}
/** The outputs of a graph at `args`. */
export const call = (graph: Graph, args: readonly Expr[]): readonly Expr[] =>
  graph.outputs.length === 0 ? [] : applyAll(callP, args, { graph })
