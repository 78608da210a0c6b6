/**
 * One of two graphs, chosen by a value that is known only when it runs. A device that can skip work runs one; another computes
 * both and chooses, unless one of them has rounds without a known end, which must not run on what they were not meant for, or tells
 * the host of what it computes.
 *
 *     branches: [..operands] -> results, the same shapes and dtypes of both; args: [chosen, ..operands]
 */
import { isFloat } from '../base/dtype.ts'
import { applyAll, type Expr, type Primitive } from '../graph/expr.ts'
import { type Graph, graph, inlined } from '../graph/graph.ts'
import { parameter } from '../graph/parameter.ts'
import { fill, fillLike } from '../primitives/leaves.ts'
import { not } from '../primitives/select.ts'
import { batchGraph, pullbackGraph, pushforwardGraph, type Derived } from '../transform/derived.ts'
import { outsOf, overAll, present, valuesAt } from './call.ts'
import { loop, unwritten } from '../graph/loop.ts'
import { any, choose, onlyMembers } from './members.ts'
import { endless, tells } from './while.ts'

export interface CondParams {
  readonly onTrue: Graph
  readonly onFalse: Graph
}

/** Two graphs of the same inputs, whose outputs are those that either has; zeros where one has none. */
const united = (of: CondParams, [p, q]: readonly [Derived, Derived], like: readonly (Expr | null)[]) => {
  const which = [...new Set([...p.which, ...q.which])].sort((a, b) => a - b)
  const filled = ({ graph: { inputs, outputs }, which: mine }: Derived): Graph =>
    graph(
      inputs,
      which.map((i) => outputs[mine.indexOf(i)] ?? fillLike(like[i]!, 0)),
    )
  return { which, params: { ...of, onTrue: filled(p), onFalse: filled(q) } }
}
const slots = (which: readonly number[], count: number, values: readonly Expr[]): readonly (Expr | null)[] =>
  Array.from({ length: count }, (_, i) => values[which.indexOf(i)] ?? null)

export const condP: Primitive<CondParams> = {
  name: 'cond',
  outs: ([, ...operands], { onTrue }) => outsOf('cond', onTrue, operands),
  vjp: (cts, _, [chosen, ...operands], params, [, ...wanted]) => {
    const flags = cts.map((ct) => ct !== null)
    const both = [pullbackGraph(params.onTrue, flags, wanted), pullbackGraph(params.onFalse, flags, wanted)] as const
    const back = united(params, both, operands)
    const grads = cond(back.params, [chosen!, ...operands, ...present(cts)])
    return [null, ...slots(back.which, operands.length, grads)]
  },
  jvp: ([, ...tangents], outs, [chosen, ...operands], params) => {
    const flags = tangents.map((t) => t !== null)
    const both = [pushforwardGraph(params.onTrue, flags), pushforwardGraph(params.onFalse, flags)] as const
    const forward = united(params, both, outs)
    const pushed = cond(forward.params, [chosen!, ...operands, ...present(tangents)])
    return slots(forward.which, outs.length, pushed).map((t, i) => (isFloat(outs[i]!.dtype) ? t : null))
  },
  batch: ([chosen, ...operands], [chosenBatched, ...batched], size, { onTrue, onFalse }) => {
    const over = (branch: Graph): Graph => {
      const { graph: made, batched: has } = batchGraph(branch, batched, size)
      return graph(made.inputs, overAll(made.outputs, has, size))
    }
    const [p, q] = [over(onTrue), over(onFalse)]
    if (chosenBatched !== true) return cond({ onTrue: p, onFalse: q }, [chosen!, ...operands])
    // Members differ in what they choose: both are computed for all, but for what may never end for those that did not choose it.
    const of = (branch: Graph, flags: Expr): readonly Expr[] => {
      if (!endless(branch)) return inlined(branch, operands)
      const { inputs, outputs } = branch
      const nothing = graph(
        inputs,
        outputs.map((out) => fillLike(out, 0)),
      )
      return cond({ onTrue: branch, onFalse: nothing }, [any(flags), ...onlyMembers(flags, operands, batched)])
    }
    const others = of(q, not(chosen!))
    return of(p, chosen!).map((x, i) => choose(chosen!, x, others[i]!))
  },
  graphs: ([chosen, ...operands], { onTrue, onFalse }) => ({
    of: [onTrue, onFalse],
    over: ([p, q], more) => cond({ onTrue: p!, onFalse: q! }, [chosen!, ...more, ...operands]),
  }),
  lower: {
    kind: 'branch',
    skip: ([chosen, ...operands], params) => skipping(chosen!, operands, params),
    both: ([chosen, ...operands], params) => {
      const { onTrue, onFalse } = params
      if ([onTrue, onFalse].some((branch) => endless(branch) || tells(branch)))
        return skipping(chosen!, operands, params)
      const others = inlined(onFalse, operands)
      return inlined(onTrue, operands).map((x, i) => choose(chosen!, x, others[i]!))
    },
  },
  evaluate: ([chosen, ...operands], _, { onTrue, onFalse }, run) =>
    valuesAt(chosen!.data[0] !== 0 ? onTrue : onFalse, operands, run),
}

/** Two loops of one round or none: the results of the branch that is not chosen pass through. */
const skipping = (chosen: Expr, operands: readonly Expr[], { onTrue, onFalse }: CondParams): readonly Expr[] => {
  const once = (branch: Graph, flag: Expr, before: readonly Expr[]): readonly Expr[] => {
    const carries = [...before, flag].map(parameter)
    const round = graph([...branch.inputs, ...carries], [...branch.outputs, fill([], 'bool', 0)])
    return loop(round, branch.inputs.length, { atMost: 1 }, [...operands, ...before, flag]).slice(0, -1)
  }
  const nothing = onTrue.outputs.map(unwritten)
  return once(onFalse, not(chosen), once(onTrue, chosen, nothing))
}

/** The results of the branch that the first argument, a bool scalar, chooses. */
export const cond = (params: CondParams, args: readonly Expr[]): readonly Expr[] =>
  params.onTrue.outputs.length === 0 ? [] : applyAll(condP, args, params)
