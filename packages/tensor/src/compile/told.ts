/**
 * What a program tells the host (`debugPrint`): the nodes that tell go, and the values that they tell become results of the program,
 * which the host is told after the run. A loop that tells hands out what each of its rounds tells as rows of a carry more:
 *
 *     body:  c' = f(c), telling v(c)      becomes      c' = f(c), n' = n + 1, rows' = rows with v(c) at n
 *
 * and the loop as a whole then tells n and the rows. So it goes at any depth, in the order in which values were computed.
 */
import { describeSite } from '../base/site.ts'
import type { Expr, Graph, Loop, Node, Telling, Value } from '../graph/expr.ts'
import { graph } from '../graph/graph.ts'
import { loop } from '../graph/loop.ts'
import { telling } from '../graph/telling.ts'
import { parameter } from '../graph/parameter.ts'
import { rewrite, toposort, withArgs } from '../graph/walk.ts'
import { add, dynamicUpdateSlice, fill, reshape } from '../primitives/index.ts'
import { loopOf, tripsOf } from './rounds.ts'

const tellingOf = ({ prim: { lower }, args, params }: Node): Telling | null =>
  lower.kind === 'told' ? lower.of(args, params) : null

/** The same values by nodes that tell nothing, with what those told, first things first. */
export const told = (
  roots: readonly Expr[],
): { readonly roots: readonly Expr[]; readonly tellings: readonly Telling[] } => {
  const nodes = toposort(roots).filter(({ prim }) => prim.lower.kind === 'told')
  if (nodes.length === 0) return { roots, tellings: [] }
  const tellings = nodes.map((node) => tellingOf(node)!)
  const silent = rewrite([...roots, ...tellings.flatMap(({ values }) => values)], (node, args) =>
    node.prim.lower.kind === 'told' ? args.slice(0, node.outs.length) : withArgs(node, args),
  )
  return { roots: silent.slice(0, roots.length), tellings: tellingOn(tellings, silent.slice(roots.length)) }
}
/** The same of other values, which stand one telling's after another's. */
export const tellingOn = (tellings: readonly Telling[], all: readonly Expr[]): readonly Telling[] => {
  let at = 0
  return tellings.map(({ values, tell }) => ({ values: all.slice(at, (at += values.length)), tell }))
}

/** What is told of values, one after the other, as one: each is given its own of all values. */
export const tellingAll =
  (tellings: readonly Telling[]) =>
  (values: readonly Value[]): void => {
    let at = 0
    for (const { values: own, tell } of tellings) tell(values.slice(at, (at += own.length)))
  }

/** The values by loops whose bodies tell nothing: what was told in their rounds, they tell after. `prepare` prepares a body. */
export const toldByLoops = (prepare: (body: Graph) => Graph, roots: readonly Expr[]): readonly Expr[] =>
  rewrite(roots, (node, args) => {
    const of = loopOf(node)
    if (of === null) return withArgs(node, args)
    const body = prepare(of.body)
    const inside = told(body.outputs)
    return inside.tellings.length === 0 ? withArgs(node, args) : recording({ ...of, body }, node, args, inside)
  })

const rowOf = ({ shape, dtype, data }: Value, round: number): Value => {
  const [, ...row] = shape
  const size = row.reduce((p, n) => p * n, 1)
  return { shape: row, dtype, data: data.subarray(round * size, (round + 1) * size) }
}

/** The results of a loop that keeps what its rounds tell, and tells it. */
const recording = (
  of: Loop,
  { site }: Node,
  args: readonly Expr[],
  { roots: outputs, tellings }: ReturnType<typeof told>,
): readonly Expr[] => {
  const { body, operands, trips, flagged } = of
  if (trips === Infinity)
    throw new Error(
      `debugPrint: stands in a loop (${describeSite(site)}) that ends when a test says so, ` +
        'and a compiled program cannot keep what each of them would print. Use foriLoop or scan with a fixed number of rounds, ' +
        'run it under debugNans or on the reference device, or take debugPrint out of it.',
    )
  const values = tellings.flatMap((telling) => telling.values)
  const zero = fill([], 'i32', 0)
  const rows = values.map(({ shape, dtype }) => fill([trips, ...shape], dtype, 0))
  const [counter, ...kept] = [zero, ...rows].map(parameter) as [Expr, ...Expr[]]
  const written = kept.map((row, i) => {
    const { shape } = values[i]!
    return dynamicUpdateSlice(row, reshape(values[i]!, [1, ...shape]), [counter, ...shape.map(() => zero)])
  })
  // The flag is the last of the carries, and stays so.
  const before = body.outputs.length - (flagged ? 1 : 0)
  const beside = (carries: readonly Expr[], more: readonly Expr[]): readonly Expr[] => [
    ...carries.slice(0, before),
    ...more,
    ...carries.slice(before),
  ]
  const results = loop(
    graph(
      [...body.inputs.slice(0, operands), ...beside(body.inputs.slice(operands), [counter, ...kept])],
      beside(outputs, [add(counter, fill([], 'i32', 1)), ...written]),
    ),
    operands,
    tripsOf(of),
    [...args.slice(0, operands), ...beside(args.slice(operands), [zero, ...rows])],
  )
  const more = results.slice(before, before + 1 + rows.length)
  const tellRound = tellingAll(tellings)
  return telling([...results.slice(0, before), ...results.slice(before + more.length)], more, ([rounds, ...all]) => {
    for (let round = 0; round < rounds!.data[0]!; round++) tellRound(all.map((x) => rowOf(x, round)))
  })
}
