/**
 * Closed graphs: a function as a value. A graph depends on nothing but its inputs, so that it may stand among the params of a
 * node (the body of a loop, the rule of a custom derivative) and be transformed, compared and compiled by itself. Graphs are
 * interned: two that compute the same in the same way are one object, wherever in the program they were traced.
 */
import { showAval } from '../base/errors.ts'
import { sameShape, sizeOf } from '../base/shape.ts'
import { describeSite } from '../base/site.ts'
import { constant, ofAxis } from '../loops/ix.ts'
import { load } from '../loops/scalar.ts'
import { traceOf, withTrace } from './trace.ts'
import type { Aval, Expr, Graph } from './expr.ts'
import { markInterned, structureKey } from './key.ts'
import { parameter } from './parameter.ts'
import { share } from './share.ts'
import { dependents, frontier, substitute, toposort } from './walk.ts'

export type { Graph } from './expr.ts'

const known = new Map<string, WeakRef<Graph>>()
const gone = new FinalizationRegistry<string>((key) => {
  // unless an equal graph was made in the meantime
  if (known.get(key)?.deref() === undefined) known.delete(key)
})

/** A leaf that outputs depend on and that is no input: what keeps them from being a function of the inputs alone. */
const freeLeaf = (inputs: readonly Expr[], outputs: readonly Expr[]): Expr | null => {
  const given = new Set(inputs)
  const free = toposort(outputs).find(({ prim, outs }) => prim.lower.kind === 'leaf' && !given.has(outs[0]!))
  return free?.outs[0] ?? null
}

/** Throws where what is to be compiled depends on more than its inputs: a program holds no data, but is given it. */
export const demandClosed = (inputs: readonly Expr[], outputs: readonly Expr[]): void => {
  const free = freeLeaf(inputs, outputs)
  if (free === null) return
  const { prim, site } = free.node
  throw new Error(
    `compile: ${showAval(free)} (${prim.name}, made at ${describeSite(site)}) is read and is none of the ${inputs.length} inputs. ` +
      'Make it an input: data and tensors that a program closes over are given to it like its arguments.',
  )
}

/** The graph of `results` as functions of `inputs`, which are parameters and all that the results depend on. */
export const graph = (inputs: readonly Expr[], results: readonly Expr[]): Graph =>
  // Once here, so that what is nested d deep and called twice a level is not computed 2^d times.
  interned(inputs, share(results))

/** The one graph of outputs that are shared already. */
const interned = (inputs: readonly Expr[], outputs: readonly Expr[]): Graph => {
  const free = freeLeaf(inputs, outputs)
  if (free !== null) throw new Error(`graph: a ${free.node.prim.name} is neither an input nor follows from one`)
  const key = structureKey(inputs, outputs)
  const same = known.get(key)?.deref()
  if (same !== undefined) return same
  const made: Graph = { inputs, outputs }
  markInterned(made)
  known.set(key, new WeakRef(made))
  gone.register(made, key)
  return made
}

/** The outputs of a graph where its inputs are `args`. */
export const inlined = ({ inputs, outputs }: Graph, args: readonly Expr[]): readonly Expr[] =>
  substitute(outputs, inputs, args)

/** A graph with the values of the outside that it needs: its first inputs stand for them. */
export interface Closed {
  readonly graph: Graph
  readonly operands: readonly Expr[]
}

/** Nodes that a graph computes for itself rather than be handed what they come to, where they follow from no data. */
const OWN = 64

/** Whether a value is known from its index alone (masks, positions, fills), is nothing that a transformation looks for, and little work. */
export const isOwn = (x: Expr): boolean => {
  const nodes = toposort([x])
  return (
    nodes.length <= OWN &&
    nodes.every(({ prim, outs }) => prim.lower.kind === 'pointwise' && traceOf(outs[0]!) === null)
  )
}

/**
 * What a value only repeats: [n, 1] for the same in [n, m]. Handed to a graph as an operand it would be stored, m times as large;
 * the graph repeats it where it reads it, which costs nothing.
 */
const unrepeated = (x: Expr): Expr => {
  let of = x
  while (isOtherShape(of)) of = of.node.args[0]!
  return sizeOf(of.shape) < sizeOf(x.shape) ? of : x
}
/** Whether a value is another in another shape: each element one of that one's. What keeps the shape is none, since it stands for something else. */
const isOtherShape = ({ node: { prim, args, outs, params }, shape }: Expr): boolean => {
  const [arg, ...more] = args
  if (prim.lower.kind !== 'pointwise' || arg === undefined || more.length > 0 || sameShape(arg.shape, shape))
    return false
  const stub = load(0, constant(0), arg.dtype)
  const index = shape.map((extent, id) => ofAxis({ id, extent }))
  return prim.lower.at(index, () => stub, outs[0]!, params) === stub
}

/**
 * Closure conversion: everything that `outputs` read and that does not depend on `inputs` becomes an operand, host data
 * included, but for what follows from no data at all. So what depends on the outside alone is computed outside, once; what
 * only repeats that is repeated inside.
 */
export const close = (inputs: readonly Expr[], outputs: readonly Expr[]): Closed => {
  const outside = [...frontier(outputs, inputs, dependents(outputs, inputs))]
  const operands = [...new Set(outside.filter((x) => !isOwn(x)).map(unrepeated))]
  const stands = operands.map(parameter)
  const own = [...stands, ...inputs.map(parameter)]
  const image = new Map([...operands, ...inputs].map((x, i) => [x, own[i]!]))
  return { graph: interned(own, share(outputs, image)), operands }
}

/** Traces `f` on parameters of the shapes and dtypes of `like`, and closes over what else it reads. */
export const trace = (name: string, f: (inputs: readonly Expr[]) => readonly Expr[], like: readonly Aval[]): Closed => {
  const inputs = like.map(parameter)
  return withTrace(name, inputs, () => close(inputs, f(inputs)))
}
