/**
 * Control flow as values: loops and choices that are one node of a program, compiled once and not unrolled. Their functions
 * are traced once, on placeholders; what they close over is part of the loop, and receives its gradients.
 */
import { demandOneOf, DTypeError, showAval, ShapeError, shown } from '../base/errors.ts'
import type { Shape } from '../base/shape.ts'
import { cond as branch } from '../control/cond.ts'
import { scan as scanned } from '../control/scan.ts'
import { whileLoop as repeated } from '../control/while.ts'
import type { Aval, Expr } from '../graph/expr.ts'
import { type Closed, graph, trace } from '../graph/graph.ts'
import { parameter } from '../graph/parameter.ts'
import { type Scalar, type Tensor, typed } from '../graph/tensor.ts'
import * as tree from '../graph/tree.ts'
import { substitute } from '../graph/walk.ts'
import * as raw from '../primitives/index.ts'
import { demandTensor } from './align.ts'
import { optionsOf } from '../graph/options.ts'

type Tree = tree.Tree

/** Arrays of rows: a tree whose leaves have one more axis, in front. */
export type Rows<T> =
  T extends Tensor<infer S, infer D>
    ? Tensor<number extends S['length'] ? Shape : readonly [number, ...S], D>
    : T extends null
      ? T
      : { readonly [K in keyof T]: Rows<T[K]> }

/** How a scan runs. */
export interface ScanConfig {
  /** Rounds, where there are no rows to count. */
  readonly length?: number
  /** From the last row to the first. */
  readonly reverse?: boolean
  /**
   * What the forward pass saves for the backward pass: `'values'`, all that is not cheap to compute again (the default), or
   * `'carries'` alone: less memory, and each round is computed once more.
   */
  readonly keep?: 'values' | 'carries'
}

const isTree = (value: unknown): value is Tree => value !== undefined && typeof value !== 'function'

/** What a function of trees returned, once it was traced. */
interface Traced {
  readonly closed: Closed
  readonly result: Tree
}
const tracedOn = (op: string, f: (...args: readonly Tree[]) => unknown, args: readonly Tree[]): Traced => {
  if (typeof f !== 'function') throw new TypeError(`${op}: takes a function, not ${shown(f)}.`)
  const { leaves, treedef } = tree.flatten(args)
  const returned: Tree[] = []
  const closed = trace(
    op,
    (inputs) => {
      const result = f(...(tree.unflatten(treedef, inputs) as readonly Tree[]))
      if (!isTree(result))
        throw new TypeError(`${op}: the function returned ${shown(result)}. Return a tree of tensors.`)
      returned.push(result)
      return tree.leaves(result)
    },
    leaves,
  )
  return { closed, result: returned[0]! }
}

/** Throws where a round would hand on something else than it was given. */
const demandCarry = (op: string, before: Tree, after: Tree): void => {
  const [was, is] = [tree.structure(before), tree.structure(after)]
  if (was.key !== is.key)
    throw new tree.TreeError(
      `${op}: the carry is ${was.key} and becomes ${is.key} in a round. Return it in the structure that it came in.`,
    )
  const paths = tree.paths(before)
  const next = tree.leaves(after)
  tree.leaves(before).forEach((x, i) => {
    const y = next[i]!
    if (showAval(x) === showAval(y)) return
    const [kind, what] = x.dtype === y.dtype ? [ShapeError, 'shape'] : [DTypeError, 'dtype']
    throw new kind({
      op,
      operands: [x, y],
      rule: `the carry${paths[i] === '' ? '' : ` at ${paths[i]!}`} is ${showAval(x)} and becomes ${showAval(y)} in a round`,
      fix: `Every round returns it in the ${what} that it came in: correct the function, or the first carry.`,
    })
  })
}

/** Inputs of a graph in another order of kinds: those it closes over, then `first`, then `second`. */
const together = (graphs: readonly Closed[], inputs: readonly Expr[]) => {
  const operands = graphs.flatMap((g) => g.operands)
  const stands = operands.map(parameter)
  const fresh = inputs.map(parameter)
  let at = 0
  return {
    operands,
    graphs: graphs.map((g) => {
      const own = stands.slice(at, (at += g.operands.length))
      return graph([...stands, ...fresh], substitute(g.graph.outputs, g.graph.inputs, [...own, ...fresh]))
    }),
  }
}

/**
 * Folds `f` over the rows of `xs`: `f(carry, x)` returns the next carry and a row of the results, and the scan returns
 * `[last carry, rows stacked]`. One node, whose body is compiled once: a program of n rounds compiles in the time of one, and
 * runs as a loop. `null` stands for no rows (with `length`), and for no results.
 *
 *     carry_{i+1}, y_i = f(carry_i, x_i)
 *
 * Differentiable in both directions, by `init`, by `xs` and by what `f` closes over; `vmap`, `jit` and `checkpoint` pass
 * through it, to any depth.
 *
 * @param f - A pure function of the carry and a row.
 * @param config - `length`, `reverse`, and what is kept for the backward pass.
 * @returns A function of the first carry and the arrays, [n, ...] at each leaf.
 * @throws TreeError, ShapeError or DTypeError where the carry changes its structure, shape or dtype, or the arrays differ in
 * length.
 *
 * @example
 * ```ts
 * import { add, mul, readAsync, scalar, scan, tensor, type Scalar } from '@adjoint/tensor'
 * // y_i = y_{i-1} / 2 + x_i
 * const smooth = scan((y: Scalar, x: Scalar) => {
 *   const next = add(mul(y, 0.5), x)
 *   return [next, next] as const
 * })
 * const [last, all] = smooth(scalar(0), tensor([1, 2, 4]))
 * console.log(await readAsync(last), await readAsync(all)) // 5.25, [1, 2.5, 5.25]
 * ```
 */
export function scan<C extends Tree, X extends Tree, Y extends Tree>(
  f: (carry: C, x: X) => readonly [C, Y],
  config?: ScanConfig,
): (init: C, xs: Rows<X>) => readonly [C, Rows<Y>]
export function scan(f: (...args: readonly Tree[]) => unknown, config: ScanConfig = {}) {
  const {
    length,
    reverse = false,
    keep = 'values',
  } = optionsOf('scan', config, { length: true, reverse: true, keep: true })
  demandOneOf('scan', 'keep', keep, ['values', 'carries'])
  return (init: Tree, xs: Tree): readonly [Tree, Tree] => {
    const start = tree.flatten(init)
    const rows = tree.flatten(xs)
    const n = lengthOf(rows.leaves, tree.paths(xs), length)
    const like = rows.leaves.map(({ shape, dtype }): Aval => ({ shape: shape.slice(1), dtype }))
    const { closed, result } = tracedOn('scan', (...args) => pairOf(f(...args)), [
      init,
      tree.unflatten(rows.treedef, like.map(parameter)),
    ])
    const [carry, y] = result as readonly [Tree, Tree]
    demandCarry('scan', init, carry)
    const outs = scanned(
      {
        body: closed.graph,
        operands: closed.operands.length,
        carries: start.leaves.length,
        length: n,
        reverse,
        keep,
        saved: null,
      },
      [...closed.operands, ...start.leaves, ...rows.leaves],
    )
    return [
      tree.unflatten(start.treedef, outs.slice(0, start.leaves.length)),
      tree.unflatten(tree.structure(y), outs.slice(start.leaves.length)),
    ]
  }
}

const pairOf = (returned: unknown): readonly Tree[] => {
  if (Array.isArray(returned) && returned.length === 2) return returned as readonly Tree[]
  throw new tree.TreeError(
    `scan: the function returned ${shown(returned)}. Return [carry, y], with null for y where there are no results.`,
  )
}

/** Rounds are counted in i32. */
const MOST_ROUNDS = 2 ** 31 - 1
const demandRounds = (op: string, n: number): void => {
  if (!Number.isSafeInteger(n) || n < 0 || n > MOST_ROUNDS)
    throw new RangeError(`${op}: ${n} rounds. Give a whole number from 0 to ${MOST_ROUNDS}.`)
}

const lengthOf = (xs: readonly Expr[], paths: readonly string[], length: number | undefined): number => {
  const bare = xs.find((x) => x.shape.length === 0)
  if (bare !== undefined)
    throw new ShapeError({
      op: 'scan',
      operands: [bare],
      rule: 'a scalar has no rows',
      fix: 'Scan over the first axis of arrays; what is the same in every round is closed over.',
    })
  const n = length ?? xs[0]?.shape[0]
  if (n === undefined)
    throw new TypeError('scan: there are no rows, and so no number of rounds. Pass arrays, or { length }.')
  demandRounds('scan', n)
  xs.forEach((x, i) => {
    if (x.shape[0] === n) return
    throw new ShapeError({
      op: 'scan',
      operands: xs,
      rule: `${paths[i] === '' ? 'the array' : `the array at ${paths[i]!}`} has ${x.shape[0]!} rows, and there are ${n} rounds`,
      fix: 'All arrays have the same first axis, which is `length` where that is given.',
    })
  })
  return n
}

/**
 * `n` rounds of `f(i, carry)`, i from 0: a scan without rows. Where `n` is a number the rounds can be differentiated in both
 * directions; where it is a tensor, known only when it runs, it is a {@link whileLoop}, which has no reverse mode.
 *
 * @param n - Rounds: a number, or an i32 scalar.
 * @param f - A pure function of the round's number (i32) and the carry.
 * @param config - What is kept for the backward pass, as in {@link scan}.
 * @returns A function of the first carry, which returns the last.
 *
 * @example
 * ```ts
 * import { foriLoop, mul, readAsync, scalar, type Scalar } from '@adjoint/tensor'
 * console.log(await readAsync(foriLoop(10, (_, x: Scalar) => mul(x, 2))(scalar(1)))) // 1024
 * ```
 */
export const foriLoop =
  <C extends Tree>(
    n: number | Scalar<'i32'>,
    f: (i: Scalar<'i32'>, carry: C) => C,
    { keep = 'values' }: Pick<ScanConfig, 'keep'> = {},
  ) =>
  (init: C): C => {
    if (typeof n !== 'number') {
      const test = ([i]: readonly [Scalar<'i32'>, C]): Scalar<'bool'> => typed(raw.lt(i, n))
      const round = ([i, carry]: readonly [Scalar<'i32'>, C]): readonly [Scalar<'i32'>, C] => [
        typed(raw.add(i, raw.fillLike(i, 1))),
        f(i, carry),
      ]
      return whileLoop(test, round)([typed<readonly [], 'i32'>(raw.fill([], 'i32', 0)), init])[1]
    }
    demandRounds('foriLoop', n)
    const counted = scan((carry: C, i: Scalar<'i32'>) => [f(i, carry), null] as const, { keep })
    return counted(init, typed<readonly [number], 'i32'>(raw.iota([n], 0, 'i32')))[0]
  }

/**
 * Rounds of `body` as long as `test` holds of the carry; none where it does not hold of the first. How often is known only
 * when it runs: a batch is decoded until all its rows have ended, in one call. `jvp`, `vmap` (until the last member has
 * ended; the others stay as they are) and `jit` pass through it. Reverse mode is an error that says what to use. A test that
 * holds for ever is a loop for ever: on wasm and reference the call does not return, on a GPU reading its result does not.
 * Where that might be, count the rounds in the carry, and let the test hold of the count as well.
 *
 * @param test - A pure function of the carry to a bool scalar.
 * @param body - A pure function of the carry to the next.
 * @returns A function of the first carry, which returns the last.
 * @throws DTypeError or ShapeError where `test` gives no bool scalar, or the carry changes.
 *
 * @example
 * ```ts
 * import { lt, mul, readAsync, scalar, whileLoop, type Scalar } from '@adjoint/tensor'
 * const grown = whileLoop((x: Scalar) => lt(x, 100), (x) => mul(x, 3))(scalar(1))
 * console.log(await readAsync(grown)) // 243
 * ```
 */
export const whileLoop =
  <C extends Tree>(test: (carry: C) => Scalar<'bool'>, body: (carry: C) => C) =>
  (init: C): C => {
    const start = tree.flatten(init)
    const asked = tracedOn('whileLoop', test as (carry: Tree | undefined) => unknown, [init])
    const [flag, ...more] = tree.leaves(asked.result)
    if (flag === undefined || more.length > 0 || flag.shape.length > 0 || flag.dtype !== 'bool')
      throw new DTypeError({
        op: 'whileLoop',
        operands: tree.leaves(asked.result),
        rule: 'the test gives no bool scalar',
        fix: 'Return one truth value for the whole carry: all(...), any(...), or a comparison of scalars.',
      })
    const round = tracedOn('whileLoop', body as (carry: Tree | undefined) => unknown, [init])
    demandCarry('whileLoop', init, round.result)
    const { operands, graphs } = together([asked.closed, round.closed], start.leaves)
    const outs = repeated({ test: graphs[0]!, body: graphs[1]!, operands: operands.length }, [
      ...operands,
      ...start.leaves,
    ])
    return tree.unflatten(start.treedef, outs) as C
  }

/**
 * `onTrue(...operands)` or `onFalse(...operands)`, as `pred` says when it runs. A device that can skip work runs one of the
 * two, and with it all that nothing else reads; on a GPU both are computed and one is chosen. For a choice at every element there
 * is `where`.
 *
 * @param pred - A bool scalar.
 * @param onTrue - A pure function of the operands.
 * @param onFalse - Another, with a result of the same structure, shapes and dtypes.
 * @returns A function of the operands.
 * @throws DTypeError where `pred` is no bool; TreeError, ShapeError or DTypeError where the two results differ.
 *
 * @example
 * ```ts
 * import { cond, gt, neg, readAsync, scalar, sqrt, type Scalar } from '@adjoint/tensor'
 * const root = (x: Scalar) => cond(gt(x, 0), (v: Scalar) => sqrt(v), (v: Scalar) => neg(sqrt(neg(v))))(x)
 * console.log(await readAsync(root(scalar(-9)))) // -3
 * ```
 */
export const cond =
  <A extends readonly Tree[], B extends Tree>(
    pred: Scalar<'bool'>,
    onTrue: (...operands: A) => B,
    onFalse: (...operands: A) => B,
  ) =>
  (...operands: A): B => {
    // the types say so; plain JavaScript may pass anything
    const chosen: Expr = pred
    demandTensor('cond', chosen, 'pred')
    if (chosen.dtype !== 'bool' || chosen.shape.length > 0)
      throw new DTypeError({
        op: 'cond',
        operands: [chosen],
        rule: 'takes a bool scalar to choose by',
        fix: 'Compare (gt, eq, ...), or choose at every element with where.',
      })
    const [p, q] = [onTrue, onFalse].map((f) => tracedOn('cond', f as (...args: readonly Tree[]) => unknown, operands))
    demandAlike(p!.result, q!.result)
    const { leaves } = tree.flatten(operands)
    const both = together([p!.closed, q!.closed], leaves)
    const outs = branch({ onTrue: both.graphs[0]!, onFalse: both.graphs[1]! }, [pred, ...both.operands, ...leaves])
    return tree.unflatten(tree.structure(p!.result), outs) as B
  }

const demandAlike = (onTrue: Tree, onFalse: Tree): void => {
  const [is, other] = [tree.structure(onTrue), tree.structure(onFalse)]
  if (is.key !== other.key)
    throw new tree.TreeError(
      `cond: one branch gives ${is.key}, and the other ${other.key}. Both give the same structure.`,
    )
  const others = tree.leaves(onFalse)
  tree.leaves(onTrue).forEach((x, i) => {
    if (showAval(x) === showAval(others[i]!)) return
    throw new (x.dtype === others[i]!.dtype ? ShapeError : DTypeError)({
      op: 'cond',
      operands: [x, others[i]!],
      rule: `the two branches give ${showAval(x)} and ${showAval(others[i]!)}`,
      fix: 'Both give the same shapes and dtypes.',
    })
  })
}
