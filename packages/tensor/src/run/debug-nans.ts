/**
 * Finding what made a NaN. The expression that a function returns is interpreted node by node, graphs within (scans, branches,
 * what was compiled) included, each result rounded to its dtype as a device would: so that an overflow in f32 is one here. Each
 * array that holds a NaN is told who made it: the first operation on the way to it whose operands hold none.
 */
import { dtypes, isFloat } from '../base/dtype.ts'
import { showAval } from '../base/errors.ts'
import { describeSite, type Site } from '../base/site.ts'
import type { Evaluator, Expr, Node, Value } from '../graph/expr.ts'
import { optionsOf } from '../graph/options.ts'
import { withTrace } from '../graph/trace.ts'
import { parameter } from '../graph/parameter.ts'
import { constant } from '../primitives/leaves.ts'
import { typed } from '../graph/tensor.ts'
import * as tree from '../graph/tree.ts'
import { substitute, toposort } from '../graph/walk.ts'
import { readAsync } from './realize.ts'

/** What counts as a fault. */
export interface DebugNansOptions {
  /** Whether infinities that an operation makes of finite operands count too. Default false. */
  readonly infinities?: boolean
}

/** The operation that made the first NaN (or infinity) on the way to a result. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError'
  /** The operation, as errors and `explain` name it. */
  readonly op: string
  /** Where in the user's program it was made: `function (file:line:column)`. */
  readonly site: string
  /** @internal */
  constructor(op: string, site: Site, message: string) {
    super(message)
    this.op = op
    this.site = describeSite(site)
  }
}

/** A node that made a fault, with the values that it made it of. */
interface Blame {
  readonly node: Node
  readonly args: readonly Value[]
  readonly out: Value
  readonly at: number
}

/** An interpreter that remembers who is to blame for each array with a fault. */
const interpreter = (isFault: (value: number) => boolean) => {
  const blames = new WeakMap<Float64Array, Blame>()
  const faultAt = (x: Value): number => (isFloat(x.dtype) ? x.data.findIndex(isFault) : -1)
  const run: Evaluator = (roots, given) => {
    const values = new Map<Expr, Value>(given)
    for (const node of toposort(roots)) {
      const { prim, outs, params } = node
      if (outs.every((out) => values.has(out))) continue
      const args = node.args.map((a) => values.get(a)!)
      // Of a node over graphs, what they returned with a fault says more than the node does.
      let within: Blame | undefined
      const nested: Evaluator = (inner, inputs) => {
        const found = run(inner, inputs)
        within ??= found.map((v) => blames.get(v.data)).find((blame) => blame !== undefined)
        return found
      }
      const avals = outs.map(({ shape, dtype }) => ({ shape, dtype }))
      const found = prim.evaluate(args, avals, params, nested)
      const faulty = args.filter((x) => faultAt(x) >= 0)
      outs.forEach((out, i) => {
        const { round } = dtypes[out.dtype]
        const value: Value = { ...avals[i]!, data: found[i]!.map(round) }
        values.set(out, value)
        const at = faultAt(value)
        if (at < 0) return
        const inherited = faulty.map(({ data }) => blames.get(data)).find((blame) => blame !== undefined)
        // An operand with a fault and no blame came into a graph as a row or a member: its maker is outside.
        const blame = inherited ?? within ?? (faulty.length === 0 ? { node, args, out: value, at } : undefined)
        if (blame !== undefined) blames.set(value.data, blame)
      })
    }
    return roots.map((r) => values.get(r)!)
  }
  return { run, faultAt, blameOf: ({ data }: Value): Blame | undefined => blames.get(data) }
}

/** The smallest and largest element, infinities included. */
const span = ({ data }: Value): string => {
  if (data.length === 0) return 'empty'
  const [low, high] = data.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity])
  return low === high ? `all ${low}` : `from ${low} to ${high}`
}

const position = (at: number, shape: readonly number[]): string =>
  `[${shape.map((size, axis) => Math.floor(at / shape.slice(axis + 1).reduce((p, n) => p * n, 1)) % size).join(', ')}]`

const describe = ({ node, args, out, at }: Blame): NonFiniteError => {
  const { prim, site } = node
  const operands = args.map((x) => {
    const alike = x.shape.length === out.shape.length && x.shape.every((n, i) => n === out.shape[i])
    return `${showAval(x)} ${span(x)}${alike && x.data.length > 1 ? `, there ${x.data[at]!}` : ''}`
  })
  const made = `${operands.length === 0 ? 'holds' : 'makes'} ${Number.isNaN(out.data[at]!) ? 'NaN' : String(out.data[at]!)} at ${position(at, out.shape)} of ${showAval(out)}`
  const of =
    operands.length === 0
      ? 'No operation made it of others: look at where the data comes from'
      : `Its operands: ${operands.join('; ')}`
  return new NonFiniteError(prim.name, site, `${prim.name}, at ${describeSite(site)}: ${made}. ${of}.`)
}

/** The first tensor that was given and holds a fault, below a result that has one, and where it was made. */
const sourceOf = (result: Expr, given: ReadonlyMap<Expr, Value>, faultAt: (x: Value) => number): Blame => {
  for (const node of toposort([result])) {
    const out = given.get(node.outs[0]!)
    const at = out === undefined ? -1 : faultAt(out)
    if (out !== undefined && at >= 0) return { node, args: [], out, at }
  }
  throw new Error('debugNans: a result holds a fault that no operation made and no tensor that was given holds.')
}

/**
 * `f`, watched: where a result holds a NaN, an error names the first operation on the way to it that made one of operands without,
 * with its line and its operands. A NaN that reaches no result (behind a `where`) is no fault. What is compiled inside `f` is looked
 * into: a jitted function can be passed as it is, and so can its gradient; operations of a backward pass have the line of those that
 * they are the derivative of.
 *
 * The expression is interpreted, in doubles that are rounded after each operation: slowly, for debugging. A device may add in
 * another order, so that what overflows only there is not found.
 *
 * @param f - A pure function of trees of tensors.
 * @param options - Whether infinities count as well.
 * @returns A function of the same arguments, which awaits what `f` returns.
 * @throws NonFiniteError, with `op` and `site`.
 *
 * @example
 * ```ts
 * import { debugNans, jit, log, sub, tensor, type Tensor } from '@adjoint/tensor'
 * const f = jit((x: Tensor<readonly [number], 'f32'>) => log(sub(x, 2)))
 * await debugNans(f)(tensor([3, 1, 5])).catch((error: Error) => {
 *   console.log(error.message) // log, at ..: makes NaN at [1] of f32[3]. Its operands: f32[3] from -1 to 3, there -1.
 * })
 * ```
 */
export const debugNans = <A extends readonly tree.Tree[], B extends tree.Tree>(
  f: (...args: A) => B,
  options: DebugNansOptions = {},
) => {
  const { infinities = false } = optionsOf('debugNans', options, { infinities: true })
  return async (...args: A): Promise<B> => {
    const { leaves, treedef } = tree.flatten(args)
    const stands = leaves.map(parameter)
    // On stand-ins, so that what is compiled is seen; the structure is that of the arguments.
    const result = withTrace('debugNans', stands, () => tree.flatten(f(...(tree.unflatten(treedef, stands) as A))))
    const outputs = substitute(result.leaves, stands, leaves)
    const given = new Map<Expr, Value>()
    for (const { prim, outs } of toposort(outputs)) {
      const [x] = outs
      if (prim.lower.kind !== 'leaf' || x === undefined) continue
      given.set(x, { shape: x.shape, dtype: x.dtype, data: Float64Array.from(await readAsync(typed(x))) })
    }
    const { run, faultAt, blameOf } = interpreter(infinities ? (v) => !Number.isFinite(v) : Number.isNaN)
    const values = run(outputs, given)
    values.forEach((value, i) => {
      if (faultAt(value) < 0) return
      throw describe(blameOf(value) ?? sourceOf(outputs[i]!, given, faultAt))
    })
    return tree.unflatten(
      result.treedef,
      values.map(({ data, shape, dtype }) => {
        const host = dtypes[dtype].allocate(data.length)
        host.set(data)
        return constant(host, shape, dtype)
      }),
    ) as B
  }
}
