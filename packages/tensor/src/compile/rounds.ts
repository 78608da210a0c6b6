/**
 * What the rounds of a loop need not do. A carry that stays the same is an operand; one that nothing needs is gone; what
 * follows from operands alone is computed once, outside (but for movement, and for what costs less than to load it); no
 * rounds, or one, are no loop.
 */
import { getOrInsert } from '../base/get-or-insert.ts'
import { sizeOf } from '../base/shape.ts'
import { loop, type Trips } from '../graph/loop.ts'
import type { Expr, Graph, Loop, Node } from '../graph/expr.ts'
import { graph, inlined, isOwn } from '../graph/graph.ts'
import { markInterned } from '../graph/key.ts'
import { parameter } from '../graph/parameter.ts'
import { rewrite, substitute, toposort, withArgs } from '../graph/walk.ts'
import { fill } from '../primitives/index.ts'
import { invariants } from './hoist.ts'

export const loopOf = ({ prim: { lower }, params }: Node): Loop | null =>
  lower.kind === 'loop' ? lower.of(params) : null
export const hasLoops = (roots: readonly Expr[]): boolean => toposort(roots).some((node) => loopOf(node) !== null)

type Prepare = (body: Graph) => Graph

/** The same values by loops that have no more to do than they must; `prepare` does the same for a body, and all else. */
export const loopsTidied = (prepare: Prepare, roots: readonly Expr[]): readonly Expr[] => {
  const opened = rewrite(roots, (node, args) => {
    const of = loopOf(node)
    return of === null ? withArgs(node, args) : unvarying(prepare, of, args)
  })
  const needs = needed(opened)
  const unused: Loop[] = []
  const tidy = rewrite(opened, (node, args) => {
    const of = loopOf(node)
    const used = needs.get(node)
    if (of === null || used === undefined) return withArgs(node, args)
    const pruned = withoutUnused(prepare, of, used)
    if (inputsUsed(pruned.loop, allOf(pruned.kept)).size < pruned.loop.body.inputs.length) unused.push(of)
    return placed(pruned.kept, invariantsOutside(withoutTwins(pruned.loop, args)), args.slice(of.operands))
  })
  return unused.length > 0 ? loopsTidied(prepare, tidy) : tidy
}

/** The results of a loop in which the carries at `kept` are left; nobody asks for the others, for which `instead` stand. */
const placed = (kept: readonly number[], results: readonly Expr[], instead: readonly Expr[]): readonly Expr[] =>
  instead.map((x, k) => results[kept.indexOf(k)] ?? x)
/** The rounds of a loop, as `loop` takes them. */
export const tripsOf = ({ trips, flagged }: Loop): Trips => (flagged ? { atMost: trips } : trips)
const allOf = (xs: readonly unknown[]): readonly number[] => xs.map((_, i) => i)

/** A loop whose carries all change, and have elements; or what it comes to, where it makes no rounds or one. */
const unvarying = (prepare: Prepare, of: Loop, args: readonly Expr[]): readonly Expr[] => {
  const { body: raw, operands, trips, flagged } = of
  const first = args.slice(operands)
  if (trips === 0) return first
  const { inputs, outputs } = withoutEmpty(prepare(raw))
  if (trips === 1 && !flagged) return inlined({ inputs, outputs }, args)
  const flag = flagged ? first.length - 1 : -1
  const stays = (k: number): boolean =>
    k !== flag && (outputs[k] === inputs[operands + k] || sizeOf(first[k]!.shape) === 0)
  const varying = allOf(first).filter((k) => !stays(k))
  const order = [
    ...allOf(inputs).filter((i) => i < operands || stays(i - operands)),
    ...varying.map((k) => operands + k),
  ]
  const body: Graph = { inputs: order.map((i) => inputs[i]!), outputs: varying.map((k) => outputs[k]!) }
  // Told by identity, though an equal one may be another object: it is on its way, and what becomes of it is interned.
  markInterned(body)
  const results = loop(
    body,
    inputs.length - varying.length,
    tripsOf(of),
    order.map((i) => args[i]!),
  )
  return placed(varying, results, first)
}

/** What has no elements is no input: it is known. */
const withoutEmpty = ({ inputs, outputs }: Graph): Graph => {
  const empty = inputs.filter(({ shape }) => sizeOf(shape) === 0)
  const known = empty.map(({ shape, dtype }) => fill(shape, dtype, 0))
  return { inputs, outputs: substitute(outputs, empty, known) }
}

/** Positions of the inputs that the carries at `wanted` need, in one round or over several; of the carries among them too. */
const inputsUsed = (
  { body: { inputs, outputs }, operands, flagged }: Loop,
  wanted: readonly number[],
): ReadonlySet<number> => {
  const position = new Map(inputs.map((x, i) => [x, i]))
  const used = new Set<number>()
  const seen = new Set<Expr>()
  const stack: Expr[] = []
  const need = (i: number): void => {
    if (used.has(i)) return
    used.add(i)
    if (i >= operands) stack.push(outputs[i - operands]!)
  }
  for (const k of wanted) need(operands + k)
  if (flagged) need(inputs.length - 1)
  for (let x = stack.pop(); x !== undefined; x = stack.pop()) {
    if (seen.has(x)) continue
    seen.add(x)
    const i = position.get(x)
    if (i !== undefined) need(i)
    const { args } = x.node
    const inside = loopOf(x.node)
    if (inside === null) stack.push(...args)
    else for (const j of resultNeeds(inside, x.index)) stack.push(args[j]!)
  }
  return used
}

const known = new WeakMap<Graph, Map<string, ReadonlySet<number>>>()

/** The positions of the arguments that one result of a loop needs: what several need is what each of them does. */
const resultNeeds = (of: Loop, result: number): ReadonlySet<number> => {
  const ofBody = getOrInsert(known, of.body, () => new Map<string, ReadonlySet<number>>())
  return getOrInsert(ofBody, `${of.operands} ${of.flagged} ${result}`, () => inputsUsed(of, [result]))
}

/** For each loop that something needs: the positions of its arguments that are needed. */
const needed = (roots: readonly Expr[]): ReadonlyMap<Node, ReadonlySet<number>> => {
  const wanted = new Set(roots)
  const needs = new Map<Node, ReadonlySet<number>>()
  for (const node of [...toposort(roots)].reverse()) {
    const results = node.outs.filter((x) => wanted.has(x))
    if (results.length === 0) continue
    const of = loopOf(node)
    const used =
      of === null
        ? null
        : inputsUsed(
            of,
            results.map((x) => x.index),
          )
    if (used !== null) needs.set(node, used)
    node.args.forEach((x, i) => {
      if (used === null || used.has(i)) wanted.add(x)
    })
  }
  return needs
}

/** A loop with the inputs that are used alone, and the carries it has left. */
const withoutUnused = (
  prepare: Prepare,
  of: Loop,
  used: ReadonlySet<number>,
): { readonly loop: Loop & { readonly from: readonly number[] }; readonly kept: readonly number[] } => {
  const { body, operands } = of
  const from = allOf(body.inputs).filter((i) => used.has(i))
  const kept = from.flatMap((i) => (i < operands ? [] : [i - operands]))
  const left: Graph = { inputs: body.inputs, outputs: kept.map((k) => body.outputs[k]!) }
  // Loops inside may have lost who asked for their results: they let go of what only those need.
  const { inputs, outputs } = from.length < body.inputs.length && hasLoops(left.outputs) ? prepare(left) : left
  const pruned: Graph = { inputs: from.map((i) => inputs[i]!), outputs }
  return { loop: { ...of, body: pruned, operands: from.length - kept.length, from }, kept }
}

/** Each operand once, and none that costs nothing to make. */
const withoutTwins = (
  { body: { inputs, outputs }, operands, trips, flagged, from }: Loop & { readonly from: readonly number[] },
  all: readonly Expr[],
): { readonly loop: Loop; readonly args: readonly Expr[] } => {
  const args = from.map((i) => all[i]!)
  const twin = (i: number): number => (i < operands ? args.indexOf(args[i]!) : i)
  const made = (i: number): boolean => i < operands && isOwn(args[i]!)
  const order = allOf(args).filter((i) => twin(i) === i && !made(i))
  const gone = allOf(args).filter((i) => twin(i) !== i || made(i))
  const body: Graph = {
    inputs: order.map((i) => inputs[i]!),
    outputs: substitute(
      outputs,
      gone.map((i) => inputs[i]!),
      gone.map((i) => (made(i) ? args[i]! : inputs[twin(i)]!)),
    ),
  }
  return { loop: { body, operands: operands - gone.length, trips, flagged }, args: order.map((i) => args[i]!) }
}

/** Whether a value may take for ever: rounds that nothing but a flag ends. */
const isEndless = (x: Expr): boolean =>
  toposort([x]).some((node) => {
    const inside = loopOf(node)
    return inside !== null && (inside.trips === Infinity || inside.body.outputs.some(isEndless))
  })

/**
 * Which of the values that are the same in every round are to be computed before the first: not those that cost nothing. Where
 * a flag may say that there is no round at all, nothing that might not end without it; and nothing where there is but one round.
 */
const worthOnce = ({ trips, flagged }: Loop, same: readonly Expr[]): readonly Expr[] =>
  trips === 1 ? [] : same.filter((x) => !isOwn(x) && !(flagged && isEndless(x)))

/** The results of a loop, with what follows from its operands alone computed before. */
const invariantsOutside = ({
  loop: of,
  args,
}: {
  readonly loop: Loop
  readonly args: readonly Expr[]
}): readonly Expr[] => {
  const { body, operands } = of
  const { inputs, outputs } = body
  const fixed = inputs.slice(0, operands)
  const carries = inputs.slice(operands)
  const found = worthOnce(of, invariants(outputs, carries))
  const stands = found.map(parameter)
  const outside = substitute(found, fixed, args.slice(0, operands))
  const next = substitute(outputs, found, stands)
  const all = [...fixed, ...stands, ...carries]
  const values = [...args.slice(0, operands), ...outside, ...args.slice(operands)]
  // What was read for their sake alone is read no more.
  const read = new Set(toposort(next).flatMap(({ outs }) => outs))
  const order = allOf(all).filter((i) => i >= fixed.length + stands.length || read.has(all[i]!))
  const once = graph(
    order.map((i) => all[i]!),
    next,
  )
  return loop(
    once,
    order.length - carries.length,
    tripsOf(of),
    order.map((i) => values[i]!),
  )
}
