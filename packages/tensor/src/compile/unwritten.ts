/**
 * Memory that a loop starts from and that nothing was written to: what must hold so that nobody reads it, checked from the
 * definition. It is what a carry starts from, and nothing else; a round reads that carry for nothing but to write into it; and
 * the rounds together write all of it. (Of two branches, each a loop of one round or none, one writes all without a look at
 * what was there.)
 *
 * A stack of 3 rows, whose round writes row 2 - i, where the counter i is 0, 1, 2 in turn: rows 2, 1 and 0 are all there are.
 */
import { sizeOf } from '../base/shape.ts'
import { evaluateWith } from '../graph/evaluate.ts'
import type { Expr, Loop, Node, Value } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { isUnwritten } from './fuse/fuse.ts'
import { loopOf } from './rounds.ts'
import { StageError } from './fault.ts'

/** Elements written that are looked at one by one; of larger stacks it is only asked who reads them. */
const MOST = 1 << 20

const fail = (what: string): never => {
  throw new StageError('loops', what)
}

export const verifyUnwritten = (roots: readonly Expr[]): void => {
  if (roots.some(isUnwritten)) fail('a result was never written')
  for (const node of toposort(roots)) {
    const of = loopOf(node)
    node.args.forEach((x, i) => {
      if (!isUnwritten(x)) return
      if (of === null || i < of.operands) fail(`${node.prim.name} reads what nothing was written to`)
      else verifyCarry(of, node.args, i)
    })
  }
}

const verifyCarry = (of: Loop, args: readonly Expr[], i: number): void => {
  const { body, operands, trips } = of
  const [carry, next] = [body.inputs[i]!, body.outputs[i - operands]!]
  const readers = toposort(body.outputs).flatMap((node) => node.args.flatMap((x) => (x === carry ? [node] : [])))
  if (body.outputs.includes(carry)) fail('a carry of loop becomes one that nothing was written to')
  if (readers.length === 0) return
  const { lower } = next.node.prim
  if (lower.kind !== 'update' || lower.mode !== 'set' || readers.length > 1 || readers[0] !== next.node)
    fail('a round of loop reads what nothing was written to')
  if (next.node.args[0] !== carry) fail('a round of loop reads what nothing was written to')
  if (trips * sizeOf(carry.shape) > MOST) return
  const left = covered(of, args, next.node).reduce((n, x) => n + Number(Number.isNaN(x)), 0)
  if (left > 0) fail(`${left} elements of a carry are written by no round of loop`)
}

/** What an update leaves of NaNs, over all rounds, where it writes zeros. */
const covered = ({ body: { inputs, outputs }, operands, trips }: Loop, args: readonly Expr[], update: Node) => {
  const places = update.args.slice(1)
  const counters = countersOf({ inputs: inputs.slice(operands), outputs }, args.slice(operands))
  let now: ReadonlyMap<Expr, Value> = new Map(
    [...counters].map(([x, { start }]) => [x, evaluateWith([start], new Map())[0]!]),
  )
  const nothing = ({ shape, dtype }: Expr): Value => ({ shape, dtype, data: new Float64Array(sizeOf(shape)) })
  let stack: Value = { ...nothing(update.outs[0]!), data: new Float64Array(sizeOf(update.outs[0]!.shape)).fill(NaN) }
  for (let round = 0; round < trips; round++) {
    const at = places.map((x) => (followsFrom(x, counters) ? evaluateWith([x], now)[0]! : nothing(x)))
    const [data] = update.prim.evaluate([stack, ...at], [stack], update.params, evaluateWith)
    stack = { ...stack, data: data! }
    const next = evaluateWith(
      [...counters.values()].map(({ after }) => after),
      now,
    )
    now = new Map([...counters.keys()].map((x, k) => [x, next[k]!]))
  }
  return stack.data
}

interface Counter {
  readonly start: Expr
  readonly after: Expr
}
/** The carries of no more than one element that follow from nothing but one another. */
const countersOf = (
  { inputs, outputs }: { readonly inputs: readonly Expr[]; readonly outputs: readonly Expr[] },
  starts: readonly Expr[],
): ReadonlyMap<Expr, Counter> => {
  let found = new Map<Expr, Counter>()
  const none: ReadonlyMap<Expr, Counter> = new Map()
  inputs.forEach((x, i) => {
    if (x.shape.length === 0 && followsFrom(starts[i]!, none)) found.set(x, { start: starts[i]!, after: outputs[i]! })
  })
  for (;;) {
    const left = new Map([...found].filter(([, { after }]) => followsFrom(after, found)))
    if (left.size === found.size) return left
    found = left
  }
}
const followsFrom = (x: Expr, counters: ReadonlyMap<Expr, unknown>): boolean =>
  toposort([x]).every(({ prim: { lower }, outs }) => lower.kind !== 'leaf' || outs.some((out) => counters.has(out)))
