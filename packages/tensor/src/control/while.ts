/**
 * Rounds as long as a test holds, as one node. How many there will be is not known when it is traced, so that nothing can be
 * saved for a backward pass: forward mode alone passes through it.
 *
 *     test: [..operands, ..carries] -> a bool scalar          body: [..operands, ..carries] -> next carries
 */
import { getOrInsert } from '../base/get-or-insert.ts'
import { computedAval } from '../base/aval.ts'
import { isFloat } from '../base/dtype.ts'
import { applyAll, type Expr, type Node, type Primitive, type Value } from '../graph/expr.ts'
import { type Graph, graph, inlined } from '../graph/graph.ts'
import { parameter } from '../graph/parameter.ts'
import { toposort } from '../graph/walk.ts'
import { spread } from '../primitives/broadcast.ts'
import { fillLike } from '../primitives/leaves.ts'
import { batchGraph, placed, pushforwardGraph } from '../transform/derived.ts'
import { avalsOf, demandTraced, present } from './call.ts'
import { grown } from './grown.ts'
import { any, choose, onlyMembers } from './members.ts'
import { loop } from '../graph/loop.ts'

export interface WhileParams {
  readonly test: Graph
  readonly body: Graph
  readonly operands: number
}

export const whileP: Primitive<WhileParams> = {
  name: 'while',
  outs: (args, { body, operands }) => {
    demandTraced('whileLoop', body, args, args, true, 'body')
    return avalsOf(args.slice(operands))
  },
  vjp: () => {
    throw new Error(
      'whileLoop: has no reverse mode, since the number of its rounds is known only when it runs. ' +
        'Use scan or foriLoop with a fixed number of rounds, differentiate forward with jvp, ' +
        'or close over its stopGradient.',
    )
  },
  jvp: (tangents, outs, args, { test, body, operands }) => {
    const fixed = tangents.slice(0, operands).map((t) => t !== null)
    const pushed = (flags: readonly boolean[]) => pushforwardGraph(body, [...fixed, ...flags])
    const first = tangents.slice(operands).map((t) => t !== null)
    const flags = grown(first, (now) => now.map((_, i) => pushed(now).which.includes(i)))
    const forward = pushed(flags)
    const carries = body.inputs.slice(operands)
    const ofFixed = body.inputs
      .slice(0, operands)
      .flatMap((x, i) => (fixed[i] === true ? [parameter(computedAval(x))] : []))
    const ofCarries = carries.flatMap((c, i) => (flags[i] === true ? [parameter(computedAval(c))] : []))
    const moved = placed(forward, carries.length, inlined(forward.graph, [...body.inputs, ...ofFixed, ...ofCarries]))
    const inputs = [...body.inputs.slice(0, operands), ...ofFixed, ...carries, ...ofCarries]
    const next = carries.flatMap((c, i) => (flags[i] === true ? [moved[i] ?? fillLike(c, 0)] : []))
    const made = applyAll(
      whileP,
      [
        ...args.slice(0, operands),
        ...present(tangents.slice(0, operands)),
        ...args.slice(operands),
        ...carries.flatMap((c, i) => (flags[i] === true ? [tangents[operands + i] ?? fillLike(c, 0)] : [])),
      ],
      {
        test: graph(inputs, inlined(test, body.inputs)),
        body: graph(inputs, [...body.outputs, ...next]),
        operands: operands + ofFixed.length,
      },
    )
    let at = carries.length
    return outs.map((out, i) => (flags[i] === true && isFloat(out.dtype) ? made[at++]! : null))
  },
  batch: (args, batched, size, { test, body, operands }) => {
    const fixed = batched.slice(0, operands)
    const bodyOver = (flags: readonly boolean[]) => batchGraph(body, [...fixed, ...flags], size)
    const testOver = (flags: readonly boolean[]) => batchGraph(test, [...fixed, ...flags], size)
    const first = batched.slice(operands)
    // Where the members of a batch end at different rounds, all go on until the last has ended, and those that have stay.
    const flags = grown(first, (now) =>
      bodyOver(now).batched.map((b, i) => b || now[i] === true || testOver(now).batched[0] === true),
    )
    const asked = testOver(flags)
    const { graph: over, batched: made } = bodyOver(flags)
    const inputs = over.inputs
    const carries = inputs.slice(operands)
    const [going] = inlined(asked.graph, inputs)
    const ending = asked.batched[0] === true
    // Rounds inside might never end on what has ended.
    const given = ending && endless(body) ? onlyMembers(going!, inputs, [...fixed, ...flags]) : inputs
    const next = inlined(over, given).map((out, i) => (flags[i] === true && made[i] !== true ? spread(out, size) : out))
    const starts = args.slice(operands).map((c, i) => (flags[i] === true && first[i] !== true ? spread(c, size) : c))
    const results = applyAll(whileP, [...args.slice(0, operands), ...starts], {
      operands,
      test: graph(inputs, [ending ? any(going!) : going!]),
      body: graph(inputs, ending ? next.map((out, i) => choose(going!, out, carries[i]!)) : next),
    })
    return results.map((out, i) => (flags[i] === true ? out : spread(out, size)))
  },
  graphs: (args, { test, body, operands }) => ({
    of: [test, body],
    over: ([asked, round], more) =>
      whileLoop({ test: asked!, body: round!, operands: operands + more.length }, [...more, ...args]),
  }),
  lower: {
    kind: 'composite',
    expand: (args, { test, body, operands }) => {
      const flag = parameter({ shape: [], dtype: 'bool' })
      const fixed = body.inputs.slice(0, operands)
      const round = graph([...body.inputs, flag], [...body.outputs, ...inlined(test, [...fixed, ...body.outputs])])
      return loop(round, operands, null, [...args, ...inlined(test, args)]).slice(0, -1)
    },
  },
  evaluate: (args, _, { test, body, operands }, run) => {
    const fixed = args.slice(0, operands)
    let carries: readonly Value[] = args.slice(operands)
    const given = ({ inputs }: Graph) => new Map(inputs.map((x, i) => [x, [...fixed, ...carries][i]!]))
    while (run(test.outputs, given(test))[0]!.data[0] !== 0) carries = run(body.outputs, given(body))
    return carries.map((v) => v.data)
  },
}
/** Whether a graph has such nodes, at any depth; found once a graph. */
const having = (is: (node: Node) => boolean): ((of: Graph) => boolean) => {
  const known = new WeakMap<Graph, boolean>()
  const has = (of: Graph): boolean =>
    getOrInsert(known, of, ({ outputs }) =>
      toposort(outputs).some((node) => is(node) || graphsIn(node.params).some(has)),
    )
  return has
}
/** Whether a graph has rounds of unknown number inside. */
export const endless = having(({ prim }) => prim === (whileP as Primitive<unknown>))
/** Whether a graph tells the host of something. */
export const tells = having(({ prim }) => prim.lower.kind === 'told')
/** The graphs among params. */
const graphsIn = (params: unknown): readonly Graph[] =>
  typeof params === 'object' && params !== null ? Object.values(params).filter(isGraph) : []
const isGraph = (value: unknown): value is Graph =>
  typeof value === 'object' && value !== null && 'inputs' in value && 'outputs' in value

/** The carries when the test no longer holds. */
export const whileLoop = (params: WhileParams, args: readonly Expr[]): readonly Expr[] =>
  params.body.outputs.length === 0 ? [] : applyAll(whileP, args, params)
