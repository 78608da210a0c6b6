/**
 * The expression IR: an immutable DAG with one kind of node and one way to make it (`apply`). A node may have several
 * results; an expression is one of them. A primitive is a record that holds everything the system knows about an
 * operation; a missing rule does not compile.
 */
import type { Aval } from '../base/aval.ts'
import { notATensor } from '../base/errors.ts'
import { look, notANumber, type Sight } from '../base/look.ts'
import { own } from '../base/own.ts'
import { captureSite, type Site } from '../base/site.ts'
import type { Ix } from '../loops/ix.ts'
import type { Template, TemplateParams } from '../loops/kernel.ts'
import type { ReduceOp, Scalar } from '../loops/scalar.ts'

export type { Aval } from '../base/aval.ts'

/** An operation on expressions, made once by `apply`. */
export interface Node {
  readonly prim: Primitive<unknown>
  readonly args: readonly Expr[]
  readonly params: unknown
  /** Where the user's program made it; errors of the device name it. */
  readonly site: Site
  /** Its results, in order. */
  readonly outs: readonly Expr[]
}

/** A value: one result of a node. There is one `Expr` for each result, so that values are told apart by identity. */
export interface Expr extends Aval {
  readonly node: Node
  /** Its position among the results of its node. */
  readonly index: number
}

/** A closed function of its inputs, which are parameters and all that its outputs depend on (graph.ts makes them). */
export interface Graph {
  readonly inputs: readonly Expr[]
  readonly outputs: readonly Expr[]
}

/** A concrete array of the reference interpreter: every dtype in doubles, integers exact. */
export interface Value extends Aval {
  readonly data: Float64Array
}

/** Runs expressions in doubles, given the values of placeholders: what `evaluate` of a primitive over graphs needs. */
export type Evaluator = (roots: readonly Expr[], given: ReadonlyMap<Expr, Value>) => readonly Value[]

export interface Primitive<P> {
  readonly name: string
  /** Shapes and dtypes of the results. Throws ShapeError or DTypeError. */
  readonly outs: (args: readonly Aval[], params: P) => readonly Aval[]
  /**
   * Cotangents of the arguments from those of the results, null where none flows; linear in `cts`. At least one of `cts` is
   * not null, and none belongs to a result of integers. Only the arguments that are `wanted` are asked for: what is given for
   * others is not looked at, so that a rule that has to work for each of them need not.
   */
  readonly vjp: (
    cts: readonly (Expr | null)[],
    outs: readonly Expr[],
    args: readonly Expr[],
    params: P,
    wanted: readonly boolean[],
  ) => readonly (Expr | null)[]
  /**
   * Tangents of the results from those of the arguments, null for zero. Where it is missing, it is derived: the pullback is
   * linear, and the pullback of the pullback is the pushforward.
   */
  readonly jvp?: (
    tangents: readonly (Expr | null)[],
    outs: readonly Expr[],
    args: readonly Expr[],
    params: P,
  ) => readonly (Expr | null)[]
  /**
   * The node that takes this one's place where it will be differentiated by the arguments that are `wanted`: its first results
   * are the same, and what more it has is saved for `vjp`.
   */
  readonly saving?: (args: readonly Expr[], params: P, wanted: readonly boolean[]) => Node
  /**
   * The same operation over a new leading axis of `size`: `args[i]` carries that axis at 0 where `batched[i]`, and is
   * shared by all where not (at least one is batched). All results carry it at 0.
   */
  readonly batch: (args: readonly Expr[], batched: readonly boolean[], size: number, params: P) => readonly Expr[]
  /**
   * The same results with less, over operands that are simple already; null where no rule sees any. On floats they are the
   * same for every operand, NaN, infinities and the sign of zero included. A record without rules is still seen to be an
   * identity, where it is one.
   */
  readonly simplify?: (node: Node, params: P) => readonly Expr[] | null
  /** Whether its two operands may trade places, so that x + y and y + x are one node. */
  readonly commutes?: true
  /**
   * Equal for parameters that mean the same. Where it is missing, plain data is compared by value and every other object by
   * identity; a leaf then is equal to no other.
   */
  readonly key?: (params: P) => string
  /** The graphs that it is made of, so that what is a number in them can be handed to them instead; missing where it has none. */
  readonly graphs?: (args: readonly Expr[], params: P) => GraphsOf
  /** How the scheduler turns it into loops. */
  readonly lower: Lowering<P>
  /** The meaning, in double precision: the oracle of all devices. Row-major results of the sizes of `outs`. */
  readonly evaluate: (
    args: readonly Value[],
    outs: readonly Aval[],
    params: P,
    run: Evaluator,
  ) => readonly Float64Array[]
}

/** The graphs of a node of which nothing is differentiated any more. */
export interface GraphsOf {
  readonly of: readonly Graph[]
  /** The same results over other graphs, each of which takes `more` before the operands that it had. */
  readonly over: (graphs: readonly Graph[], more: readonly Expr[]) => readonly Expr[]
}

/** The element of argument `arg` at an index list (one Ix an axis of that argument). */
export type Access = (arg: number, index: readonly Ix[]) => Scalar

/** Rounds of a graph: the node's arguments are `operands` values that stay the same, and then the first of the carries. */
export interface Loop {
  /** Inputs: operands, then carries; outputs: the carries of the next round, of the same shapes and dtypes. */
  readonly body: Graph
  readonly operands: number
  /** How many rounds, at most where a flag ends it: Infinity where that alone does. */
  readonly trips: number
  /** Whether it goes on only as long as the last carry, a bool scalar, is true: asked before each round, so that there may be none. */
  readonly flagged: boolean
}

/** What the host is told when some values were computed. */
export interface Telling {
  readonly values: readonly Expr[]
  readonly tell: (values: readonly Value[]) => void
}

/** How a primitive becomes loops. The scheduler branches on these kinds, never on a primitive's name. */
export type Lowering<P> =
  /** Already in memory: host data, a parameter of the program, a device buffer. `sight`: what can be seen of it at once. */
  | { readonly kind: 'leaf'; readonly sight?: (params: P) => Sight }
  /**
   * An element of the result at any index, from elements of the arguments at any index: elementwise work, movement,
   * gathers. Fusion is substitution of these functions into one another. `stored`: not into its readers, which all read
   * what was written once: `everywhere`, since much is computed for one element, or only (an identity) on a device that may
   * compute one expression twice with different roundings.
   */
  | {
      readonly kind: 'pointwise'
      readonly at: (index: readonly Ix[], arg: Access, out: Expr, params: P) => Scalar
      readonly stored?: 'everywhere' | 'unreproducible'
    }
  /** Reduces `axes` (ascending) of the one argument away. */
  | { readonly kind: 'reduce'; readonly op: ReduceOp; readonly axes: (params: P) => readonly number[] }
  /** Inclusive running reduction along `axis` of the one argument, same shape. */
  | { readonly kind: 'running'; readonly op: ReduceOp; readonly axis: (params: P) => number }
  /** [...b, m, k] x [...b, k, n] -> [...b, m, n], f32 accumulation, equal batch axes. */
  | { readonly kind: 'dot' }
  /** Argument 0 itself, ordered after the computation of argument 1. */
  | { readonly kind: 'after' }
  /**
   * Argument 0 with some elements written: for each index of `grid`, the element at `to` is set to (or increased by)
   * `value`. Runs in place where argument 0 dies here. Where the device has no ordered stores and indices may collide
   * (`add`), it runs `composition` instead.
   */
  | {
      readonly kind: 'update'
      readonly mode: 'set' | 'add'
      readonly grid: (out: Expr, params: P) => readonly number[]
      readonly to: (index: readonly Ix[], arg: Access, out: Expr, params: P) => readonly Ix[]
      readonly value: (index: readonly Ix[], arg: Access, out: Expr, params: P) => Scalar
      readonly composition: (args: readonly Expr[], params: P) => Expr
    }
  /**
   * Memory whose elements mean nothing until they are written: no kernel makes it, and nothing but a carry of a loop that
   * writes every element of it before any is read may start from it.
   */
  | { readonly kind: 'unwritten' }
  /** Rounds of a body, scheduled by itself and run in place: the one step of a program that has steps inside. */
  | { readonly kind: 'loop'; readonly of: (params: P) => Loop }
  /** One of two ways, for devices that can `skip` work and for those that compute `both` and choose. */
  | {
      readonly kind: 'branch'
      readonly skip: (args: readonly Expr[], params: P) => readonly Expr[]
      readonly both: (args: readonly Expr[], params: P) => readonly Expr[]
    }
  /**
   * A composite that some devices have a kernel of their own for, over whole values in memory: `reads` are the arguments that
   * the kernel is given. The others run `expand`.
   */
  | {
      readonly kind: 'template'
      readonly template: Template
      readonly reads: (args: readonly Expr[], params: P) => readonly number[]
      readonly params: (args: readonly Expr[], params: P) => TemplateParams
      readonly expand: (args: readonly Expr[], params: P) => readonly Expr[]
    }
  /** As many of its first arguments as it has results, unchanged; the host is told of values each time they are computed. */
  | { readonly kind: 'told'; readonly of: (args: readonly Expr[], params: P) => Telling }
  /** Defined by smaller primitives: its results in their terms. */
  | { readonly kind: 'composite'; readonly expand: (args: readonly Expr[], params: P) => readonly Expr[] }

/** Whether a value is an expression: plain JavaScript may pass anything for one. */
export const isExpr = (value: unknown): value is Expr =>
  typeof value === 'object' && value !== null && 'node' in value && 'index' in value && 'shape' in value

/** Throws TypeError where a value that plain JavaScript passed for a tensor is none. `which`: its place. */
export const demandTensor = (op: string, which: string, value: unknown): void => {
  if (!isExpr(value)) throw notATensor(op, which, value)
}

/**
 * An expression as an object. It is a class only for what JavaScript asks of objects: its name stands in debuggers, and it prints
 * as a tensor, never as the graph behind it.
 */
class Tensor implements Expr {
  readonly node: Node
  readonly index: number
  readonly shape: Aval['shape']
  readonly dtype: Aval['dtype']
  constructor(node: Node, index: number, shape: Aval['shape'], dtype: Aval['dtype']) {
    this.node = node
    this.index = index
    this.shape = shape
    this.dtype = dtype
  }
  toString(): string {
    const { prim, params } = this.node
    const { name, lower } = prim
    if (lower.kind === 'leaf') return look(this, lower.sight?.(params) ?? 'placeholder')
    // what a transformation is given is an identity of that name
    return look(this, name === 'input' ? 'placeholder' : null)
  }
  /** JSON has no tensors; what stands in their place tells whoever looks at it. */
  toJSON(): string {
    return this.toString()
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString()
    throw notANumber(this)
  }
}

/** A node with its results. */
const makeNode = ({ prim, args, params, site }: Omit<Node, 'outs'>, avals: readonly Aval[]): Node => {
  const outs: Expr[] = []
  const node: Node = { prim, args, params, site, outs }
  for (const { shape, dtype } of avals) outs.push(new Tensor(node, outs.length, shape, dtype))
  return node
}

/** Lowerings of several results; the others say how to compute one. */
const SEVERAL: ReadonlySet<Lowering<never>['kind']> = new Set([
  ...(['composite', 'template', 'branch', 'loop', 'told'] as const),
])

/** The only constructor of nodes. What they hold is their own: lists that the caller still has may change. */
export const applyAll = <P>(prim: Primitive<P>, args: readonly Expr[], params: P): readonly Expr[] => {
  for (let i = 0; i < args.length; i++) demandTensor(prim.name, `operand ${i + 1}`, args[i])
  const held = own(params)
  // The one cast of the IR: a node forgets its primitive's parameter type, and only hands `params` back to `prim`.
  const of = { prim: prim as Primitive<unknown>, args: args.slice(), params: held, site: captureSite() }
  const avals = prim.outs(of.args, held)
  if (avals.length > 1 && !SEVERAL.has(prim.lower.kind))
    throw new Error(
      `${prim.name}: ${avals.length} results of a ${prim.lower.kind} lowering, which says how to compute one. ` +
        'Give it a composite lowering.',
    )
  return makeNode(of, avals).outs
}

/** The result of a primitive that has one. */
export const apply = <P>(prim: Primitive<P>, args: readonly Expr[], params: P): Expr => applyAll(prim, args, params)[0]!

/** The parameters of a node of `prim`; null for a node of another primitive. */
export const paramsOf = <P>({ node }: Expr, prim: Primitive<P>): P | null =>
  // `apply` put together a primitive and parameters of its type
  node.prim === (prim as Primitive<unknown>) ? (node.params as P) : null

/** The same value as the result of a node of its own. */
export const copyOf = ({ node, index }: Expr): Expr => makeNode(node, node.outs).outs[index]!

/** The same node over other operands of the same shapes and dtypes (itself where they are the same), or at another place of the program. */
export const over = (node: Node, args: readonly Expr[], site: Site = node.site): Node =>
  site === node.site && args.every((a, i) => a === node.args[i])
    ? node
    : makeNode({ prim: node.prim, args, params: node.params, site }, node.outs)
