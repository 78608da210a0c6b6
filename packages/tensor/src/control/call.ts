/**
 * A graph called as a whole: what `jit` is inside of another transformation. It is traced once, differentiated and batched
 * once whatever the number of its calls, and stands in the caller's place when that is compiled, so that fusion crosses it.
 */
import { isFloat } from '../base/dtype.ts'
import type { Aval, Expr, GraphsOf, Primitive } from '../graph/expr.ts'
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

/** What a graph gives. Throws where its operands are not what it was traced on. */
export const outsOf = (op: string, { inputs, outputs }: Graph, args: readonly Aval[]): readonly Aval[] => {
  demandShape(
    inputs.length === args.length &&
      inputs.every((x, i) => sameShape(x.shape, args[i]!.shape) && x.dtype === args[i]!.dtype),
    op,
    args,
    'the operands are not those of the graph',
    'Pass operands of the shapes and dtypes that it was traced on.',
  )
  return outputs.map(({ shape, dtype }) => ({ shape, dtype }))
}

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
    return call(made.graph, args).map((out, i) => (made.batched[i] === true ? out : spread(out, size)))
  },
  graphs: (args, { graph }) => asCall(graph, args),
  lower: { kind: 'composite', expand: (args, { graph }) => inlined(graph, args) },
  evaluate: (args, _, { graph: { inputs, outputs } }, run) =>
    run(outputs, new Map(inputs.map((x, i) => [x, args[i]!]))).map((v) => v.data),
}
/** What is a call of a graph, where nothing is differentiated any more. */
export const asCall = (graph: Graph, args: readonly Expr[]): GraphsOf => ({
  of: [graph],
  over: ([of], more) => call(of!, [...more, ...args]),
})
/** The outputs of a graph at `args`. */
export const call = (graph: Graph, args: readonly Expr[]): readonly Expr[] =>
  graph.outputs.length === 0 ? [] : applyAll(callP, args, { graph })
