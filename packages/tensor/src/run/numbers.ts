/**
 * Numbers in what is computed now. Built into a kernel a number costs nothing, so that a program starts with all of its
 * numbers built in. But one that the host works out anew for each step, a decaying rate or the first row of a batch, would
 * make each step a program of its own, to be compiled and kept. So a number that turns out to change from call to call
 * becomes an argument; and so does one in the body of a loop or in a branch, at any depth, which becomes an operand of it.
 *
 * Take y = 2 x, and ten rounds of x -> 0.1 x, both with numbers that change. The program has an argument n = [2, 0.1], and is
 * y = n[0] x, and ten rounds of x -> n[1] x, whose body has the operand n.
 */
import { getOrInsert } from '../base/get-or-insert.ts'
import { dtypes, type DType, type HostArray } from '../base/dtype.ts'
import { sizeOf } from '../base/shape.ts'
import { type Aval, type Expr, type Graph, type GraphsOf, type Node, paramsOf } from '../graph/expr.ts'
import { graph } from '../graph/graph.ts'
import { rewrite, toposort, withArgs } from '../graph/walk.ts'
import { broadcastTo, dynamicSlice, fill, fillP, parameter, reshape, sliceAxis, sliceP } from '../primitives/index.ts'

/** A number of a node: the value of a fill, where a slice starts, and those of the graphs that it is made of. */
export interface Numeral {
  readonly dtype: DType
  readonly value: number
}

/** Nodes that have numbers of their own, and those that have graphs. */
type Held =
  | { readonly kind: 'fill'; readonly value: number }
  | { readonly kind: 'slice'; readonly starts: readonly number[]; readonly cut: readonly boolean[] }
  | { readonly kind: 'graphs'; readonly graphs: GraphsOf }

const held = (node: Node, args: readonly Expr[]): Held | null => {
  const x = node.outs[0]!
  const filled = paramsOf(x, fillP)
  if (filled !== null) return { kind: 'fill', value: filled.value }
  const sliced = paramsOf(x, sliceP)
  if (sliced !== null) {
    const cut = x.shape.map((n, axis) => n !== args[0]!.shape[axis])
    return sizeOf(x.shape) === 0 ? null : { kind: 'slice', starts: sliced.starts, cut }
  }
  const graphs = node.prim.graphs?.(args, node.params)
  return graphs === undefined ? null : { kind: 'graphs', graphs }
}

const inGraphs = new WeakMap<Graph, readonly Numeral[]>()
const numeralsIn = (of: Graph): readonly Numeral[] =>
  getOrInsert(inGraphs, of, ({ outputs }) => toposort(outputs).flatMap(numeralsOf))

/** The numbers of a node, in order. */
export const numeralsOf = (node: Node): readonly Numeral[] => {
  const has = held(node, node.args)
  switch (has?.kind) {
    case undefined:
      return []
    case 'fill':
      return [{ dtype: node.outs[0]!.dtype, value: has.value }]
    case 'slice':
      return has.starts.flatMap((value, axis) => (has.cut[axis] === true ? [{ dtype: 'i32', value }] : []))
    case 'graphs':
      return has.graphs.of.flatMap(numeralsIn)
  }
}

/** A node without its numbers: over placeholders for them, which tell apart only what differs in more than numbers. */
export interface Erased {
  readonly outs: readonly Expr[]
  readonly stands: readonly Expr[]
}
interface ErasedGraph {
  readonly stands: readonly Expr[]
  readonly outputs: readonly Expr[]
}
const erasedGraphs = new WeakMap<Graph, ErasedGraph>()
const erasedGraph = (of: Graph): ErasedGraph =>
  getOrInsert(erasedGraphs, of, () => {
    const stands: Expr[] = []
    const outputs = rewrite(of.outputs, (node, args) => {
      const erased = withoutNumbers(node, args)
      if (erased === null) return withArgs(node, args)
      stands.push(...erased.stands)
      return erased.outs
    })
    return { stands, outputs }
  })

/** A node over other operands without its numbers; null where it has none. */
export const withoutNumbers = (node: Node, args: readonly Expr[]): Erased | null => {
  const has = held(node, args)
  const x = node.outs[0]!
  switch (has?.kind) {
    case undefined:
      return null
    case 'fill': {
      const stand = parameter(x)
      return { outs: [stand], stands: [stand] }
    }
    case 'slice': {
      const starts = has.cut.map((cut) => (cut ? parameter({ shape: [], dtype: 'i32' }) : fill([], 'i32', 0)))
      return { outs: [dynamicSlice(args[0]!, starts, x.shape)], stands: starts.filter((_, axis) => has.cut[axis]) }
    }
    case 'graphs': {
      const { of, over: made } = has.graphs
      const bodies = of.map(erasedGraph)
      const all = bodies.flatMap(({ stands }) => stands)
      if (all.length === 0) return null
      const stands = all.map(parameter)
      return {
        outs: made(
          of.map(({ inputs }, i) => graph([...all, ...inputs], bodies[i]!.outputs)),
          stands,
        ),
        stands,
      }
    }
  }
}

/** Where a number that varies lies: an element of one of the arguments that hold them, one of each dtype. */
interface Place {
  readonly vector: number
  readonly at: number
}

/** Those that vary, each an element of the one argument that all of their dtype share: few bindings, and few copies. */
const varying = (
  numerals: readonly Numeral[],
  varies: readonly boolean[],
): {
  readonly places: readonly (Place | null)[]
  readonly vectors: readonly (readonly [DType, readonly number[]])[]
} => {
  const byType = new Map<DType, number[]>()
  const order: DType[] = []
  const places = numerals.map(({ dtype, value }, i) => {
    if (varies[i] !== true) return null
    const others = byType.get(dtype) ?? []
    if (!byType.has(dtype)) order.push(dtype)
    byType.set(dtype, others)
    return { vector: order.indexOf(dtype), at: others.push(value) - 1 }
  })
  return { places, vectors: [...byType] }
}

const element = (vectors: readonly Expr[], { vector, at }: Place, { shape }: Aval): Expr =>
  broadcastTo(
    reshape(
      sliceAxis(vectors[vector]!, 0, at, at + 1),
      shape.map(() => 1),
    ),
    shape,
  )

/** Takes the next so many of a list, at each call. */
const taking = <T>(list: readonly T[]): ((n: number) => readonly T[]) => {
  let next = 0
  return (n) => list.slice(next, (next += n))
}

/** A node over other operands, whose numbers that have a place are read there. */
const reading = (
  node: Node,
  args: readonly Expr[],
  places: readonly (Place | null)[],
  vectors: readonly Expr[],
): readonly Expr[] => {
  if (places.every((place) => place === null)) return withArgs(node, args)
  const has = held(node, args)
  const x = node.outs[0]!
  const take = taking(places)
  switch (has?.kind) {
    case undefined:
      return withArgs(node, args)
    case 'fill':
      return [element(vectors, places[0]!, x)]
    case 'slice': {
      const starts = has.starts.map((value, axis) => {
        const place = has.cut[axis] === true ? take(1)[0]! : null
        return place === null
          ? fill([], 'i32', value)
          : reshape(element(vectors, place, { shape: [1], dtype: 'i32' }), [])
      })
      return [dynamicSlice(args[0]!, starts, x.shape)]
    }
    case 'graphs': {
      const { of, over: made } = has.graphs
      const bodies = of.map((body) => {
        const inside = vectors.map(parameter)
        const rest = taking(take(numeralsIn(body).length))
        const outputs = rewrite(body.outputs, (e, own) => reading(e, own, rest(numeralsOf(e).length), inside))
        return graph([...inside, ...body.inputs], outputs)
      })
      return made(bodies, vectors)
    }
  }
}

/**
 * Expressions as a program to compile: numbers that vary are read from its further inputs, the others are built in. `leafOf`
 * gives what stands for a leaf; `numerals` are those of all nodes, in order.
 */
export const withNumbers = (
  roots: readonly Expr[],
  leafOf: (leaf: Expr) => Expr | undefined,
  numerals: readonly Numeral[],
  varies: readonly boolean[],
): { readonly inputs: readonly Expr[]; readonly outputs: readonly Expr[] } => {
  const { places, vectors } = varying(numerals, varies)
  const inputs = vectors.map(([dtype, values]) => parameter({ shape: [values.length], dtype }))
  const take = taking(places)
  const outputs = rewrite(roots, (node, args) => {
    const leaf = leafOf(node.outs[0]!)
    return leaf === undefined ? reading(node, args, take(numeralsOf(node).length), inputs) : [leaf]
  })
  return { inputs, outputs }
}

/** What the inputs of `withNumbers` are to hold, in the same order. */
export const numbersOf = (
  numerals: readonly Numeral[],
  varies: readonly boolean[],
): readonly { readonly data: HostArray; readonly aval: Aval }[] =>
  varying(numerals, varies).vectors.map(([dtype, values]) => {
    const data = dtypes[dtype].allocate(values.length)
    values.forEach((value, i) => (data[i] = value))
    return { data, aval: { shape: [values.length], dtype } }
  })
