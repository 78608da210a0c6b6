/** Transformations of closed graphs, each a graph again; made once a graph, transformation and choice of inputs. */
import { getOrInsert } from '../base/get-or-insert.ts'
import { computedAval } from '../base/aval.ts'
import { isFloat } from '../base/dtype.ts'
import type { Expr } from '../graph/expr.ts'
import { batch } from '../graph/batch.ts'
import { type Graph, graph } from '../graph/graph.ts'
import { parameter } from '../graph/parameter.ts'
import { pullbackOf } from './pullback.ts'
import { pushforwardOf } from './pushforward.ts'

/** Results remembered beside the graph that they were derived from. */
const memoised = <R>(derive: (of: Graph, ...flags: readonly (readonly boolean[] | number)[]) => R) => {
  const known = new WeakMap<Graph, Map<string, R>>()
  return (of: Graph, ...flags: readonly (readonly boolean[] | number)[]): R => {
    const mine = getOrInsert(known, of, () => new Map<string, R>())
    const key = flags.map((f) => (typeof f === 'number' ? String(f) : f.map(Number).join(''))).join()
    return getOrInsert(mine, key, () => derive(of, ...flags))
  }
}

/** A derived graph, and which of the things asked for its outputs are, in order; the others are zero. */
export interface Derived {
  readonly graph: Graph
  readonly which: readonly number[]
}
const present = (inputs: readonly Expr[], found: readonly (Expr | null)[]): Derived => {
  const which = found.flatMap((x, i) => (x === null ? [] : [i]))
  return {
    graph: graph(
      inputs,
      which.map((i) => found[i]!),
    ),
    which,
  }
}
/** `values` of a derived graph's outputs, each at its place among `count`. */
export const placed = ({ which }: Derived, count: number, values: readonly Expr[]): readonly (Expr | null)[] => {
  const slots = new Map(which.map((i, k) => [i, values[k]!]))
  return Array.from({ length: count }, (_, i) => slots.get(i) ?? null)
}
/** What stands for the cotangents or tangents of those values that are flagged, where they are floats. */
export const standIns = (xs: readonly Expr[], flags: readonly boolean[]): readonly (Expr | null)[] =>
  xs.map((x, i) => (flags[i] === true && isFloat(x.dtype) ? parameter(computedAval(x)) : null))
const given = (xs: readonly (Expr | null)[]): readonly Expr[] => xs.filter((x) => x !== null)

const wantedIn = (inputs: readonly Expr[], flags: readonly boolean[]): readonly Expr[] =>
  inputs.filter((x, i) => isFloat(x.dtype) && flags[i] === true)

/** The same graph, made of what saves for the pullback by the inputs that are `wanted` what that needs. */
export const savingGraph: (of: Graph, wanted: readonly boolean[]) => Graph = memoised(({ inputs, outputs }, wanted) =>
  graph(inputs, pullbackOf(outputs, wantedIn(inputs, wanted as readonly boolean[])).outs),
)

/**
 * The pullback: inputs of the graph, then cotangents of those outputs that `cts` flags (floats only), to the cotangents of
 * those inputs that are `wanted` (floats only).
 */
export const pullbackGraph: (of: Graph, cts: readonly boolean[], wanted: readonly boolean[]) => Derived = memoised(
  ({ inputs, outputs }, flags, asked) => {
    const cts = standIns(outputs, flags as readonly boolean[])
    const wanted = wantedIn(inputs, asked as readonly boolean[])
    const grads = pullbackOf(outputs, wanted).pullback(cts)
    return present(
      [...inputs, ...given(cts)],
      inputs.map((x) => grads[wanted.indexOf(x)] ?? null),
    )
  },
)

/** The pushforward: inputs of the graph, then tangents of those that `tangents` flags (floats only), to the tangents of the outputs. */
export const pushforwardGraph: (of: Graph, tangents: readonly boolean[]) => Derived = memoised(
  ({ inputs, outputs }, flags) => {
    const tangents = standIns(inputs, flags as readonly boolean[])
    return present([...inputs, ...given(tangents)], pushforwardOf(outputs, inputs)(tangents))
  },
)

/** The graph over a new leading axis of `size` of those inputs that `batched` flags, and which of its outputs carry it. */
export const batchGraph: (
  of: Graph,
  batched: readonly boolean[],
  size: number,
) => { readonly graph: Graph; readonly batched: readonly boolean[] } = memoised(({ inputs, outputs }, flags, size) => {
  const carries = flags as readonly boolean[]
  const n = size as number
  const images = inputs.map((x, i) => (carries[i] === true ? parameter({ shape: [n, ...x.shape], dtype: x.dtype }) : x))
  const which = inputs.flatMap((_, i) => (carries[i] === true ? [i] : []))
  const made = batch(
    outputs,
    which.map((i) => inputs[i]!),
    which.map((i) => images[i]!),
    n,
  )
  return {
    graph: graph(
      images,
      made.map(({ value }) => value),
    ),
    batched: made.map(({ batched }) => batched),
  }
})
