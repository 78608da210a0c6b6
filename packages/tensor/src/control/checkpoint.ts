/**
 * Checkpointing (rematerialisation): memory for time. Griewank and Walther 2000, Algorithm 799: revolve; Chen et al. 2016,
 * Training deep nets with sublinear memory cost, section 4. The pullback computes the inside again, from operands that it reads
 * through `after(x, ct)`: that is other work than the forward pass, which no common-subexpression elimination joins with it, and
 * it cannot begin before the cotangent that asks for it exists.
 */
import { isFloat } from '../base/dtype.ts'
import { applyAll, type Expr, type Node, type Primitive } from '../graph/expr.ts'
import { type Graph, graph as graphOf } from '../graph/graph.ts'
import { toposort, substitute } from '../graph/walk.ts'
import { after, namedP, type NamedParams } from '../primitives/control.ts'
import { batchGraph, placed, pushforwardGraph } from '../transform/derived.ts'
import { pullbackOf } from '../transform/pullback.ts'
import { call, outsOf, overAll, present, runsAs } from './call.ts'

/**
 * What is kept for the backward pass beside the operands: nothing; the products of matrices, which cost the most to compute again;
 * or the values of these names.
 */
export type Kept = 'nothing' | 'products' | readonly string[]

export interface CheckpointParams {
  readonly graph: Graph
  readonly keep: Kept
  /** Outputs from this one on are what is kept; null before it is known that there will be a backward pass. */
  readonly results: number | null
}

/** The name of a node that gives its value one; null for any other. */
const nameOf = ({ prim, params }: Node): string | null =>
  // no other primitive has these params: the record is told by identity
  prim === (namedP as Primitive<unknown>) ? (params as NamedParams).name : null

/** The names of the values of a graph. */
export const namesIn = ({ outputs }: Graph): readonly string[] => [
  ...new Set(toposort(outputs).flatMap((node) => nameOf(node) ?? [])),
]

const keptOf = ({ outputs }: Graph, keep: Exclude<Kept, 'nothing'>): readonly Expr[] =>
  toposort(outputs).flatMap((node) => {
    const isKept = keep === 'products' ? node.prim.lower.kind === 'dot' : keep.some((name) => name === nameOf(node))
    return isKept ? node.outs : []
  })

export const checkpointP: Primitive<CheckpointParams> = {
  name: 'checkpoint',
  outs: (args, { graph }) => outsOf('checkpoint', graph, args),
  vjp: (cts, outs, args, { graph, results }, asked) => {
    const { inputs, outputs } = graph
    const given = present(cts)
    const fresh = args.map((x) => given.reduce(after, x))
    const wanted = inputs.filter((x, i) => isFloat(x.dtype) && asked[i] === true)
    const { outs: saved, pullback } = pullbackOf(outputs, wanted)
    const grads = pullback(cts)
    const held = results === null ? [] : saved.slice(results)
    const found = grads.flatMap((g) => (g === null ? [] : [g]))
    const kept = outs.slice(outputs.length - held.length)
    // The rule of what made a value that has a name may read it as it was before it had one.
    const unnamed = held.map((x) => (nameOf(x.node) === null ? x : x.node.args[0]!))
    const moved = substitute(found, [...held, ...unnamed, ...inputs], [...kept, ...kept, ...fresh])
    let next = 0
    const placedGrads = grads.map((g) => (g === null ? null : moved[next++]!))
    return inputs.map((x) => placedGrads[wanted.indexOf(x)] ?? null)
  },
  jvp: (tangents, outs, args, { graph }) => {
    const forward = pushforwardGraph(
      graph,
      tangents.map((t) => t !== null),
    )
    return placed(forward, outs.length, call(forward.graph, [...args, ...present(tangents)]))
  },
  saving: (args, params) => {
    const { graph, keep, results } = params
    const more =
      keep === 'nothing' || results !== null ? [] : keptOf(graph, keep).filter((x) => !graph.outputs.includes(x))
    const next: CheckpointParams =
      more.length === 0
        ? params
        : { graph: graphOf(graph.inputs, [...graph.outputs, ...more]), keep, results: graph.outputs.length }
    return nodeOf(applyAll(checkpointP, args, next))
  },
  batch: (args, batched, size, { graph, keep, results }) => {
    const made = batchGraph(graph, batched, size)
    return overAll(applyAll(checkpointP, args, { graph: made.graph, keep, results }), made.batched, size)
  },
  ...runsAs((args, { graph }) => [graph, args]),
}
const nodeOf = (outs: readonly Expr[]): Node => outs[0]!.node

/** The outputs of a graph at `args`, whose pullback keeps only the operands and what `keep` says. */
export const checkpoint = (graph: Graph, keep: Kept, args: readonly Expr[]): readonly Expr[] =>
  graph.outputs.length === 0 ? [] : applyAll(checkpointP, args, { graph, keep, results: null })
