/**
 * What a branch alone needs is computed in it. A graph closes over what it reads of the outside, however little of that anything
 * else reads: `cond(p, () => det(x), () => zero)` makes det(x) an operand of the choice. Where it is chosen by skipping, a branch
 * is a loop of one round or none; of what only that reads, the round computes all itself, from the values that others read too:
 *
 *     y = det(x)   loop(y) at most once   ->   loop(x) at most once, y = det(x) in its round
 */
import { setAt } from '../base/get-or-insert.ts'
import type { Expr, Graph, Loop, Node } from '../graph/expr.ts'
import { graph, isOwn } from '../graph/graph.ts'
import { loop } from '../graph/loop.ts'
import { parameter } from '../graph/parameter.ts'
import { rewrite, substitute, toposort, withArgs } from '../graph/walk.ts'
import { loopOf, tripsOf } from './rounds.ts'

/** A loop that makes a round or none. */
const branchOf = (node: Node): Loop | null => {
  const of = loopOf(node)
  return of !== null && of.flagged && of.trips === 1 ? of : null
}

/** What must be there before any round, or is told to the host whether or not there is one. */
const stays = ({ prim: { lower } }: Node): boolean =>
  lower.kind === 'leaf' || lower.kind === 'told' || lower.kind === 'unwritten'

/** What is made of nothing: memory to write to, or what costs no more to make than to read. */
const isNothing = (x: Expr): boolean => x.node.prim.lower.kind === 'unwritten' || isOwn(x)

/** For each node that nothing but one branch reads, as an operand, that branch; the outermost, where it is read by it alone. */
const homesIn = (roots: readonly Expr[]): ReadonlyMap<Node, Node> => {
  const homes = new Map<Node, Node>()
  /** Null once there are two readers apart, or one that is no branch. */
  const reader = new Map<Node, Node | null>(roots.map((x) => [x.node, null]))
  for (const node of [...toposort(roots)].reverse()) {
    const home = reader.get(node) ?? null
    if (home !== null && !stays(node)) homes.set(node, home)
    const operands = branchOf(node)?.operands ?? 0
    node.args.forEach((x, i) => {
      const by = homes.get(node) ?? (i < operands ? node : null)
      reader.set(x.node, reader.has(x.node) && reader.get(x.node) !== by ? null : by)
    })
  }
  return homes
}

/** The same values; each node that one branch alone reads is computed in its round, in every body. */
export const sunk = (roots: readonly Expr[]): readonly Expr[] => {
  const bodies = new Map<Graph, Graph>()
  const within = (body: Graph): Graph => {
    const outputs = bodies.get(body)?.outputs ?? everywhere(body.outputs)
    const made = outputs.every((x, i) => x === body.outputs[i]) ? body : graph(body.inputs, outputs)
    bodies.set(body, made)
    return made
  }
  const everywhere = (roots: readonly Expr[]): readonly Expr[] => {
    const homes = homesIn(roots)
    /** What stands for the nodes that are to move, by the branch that they move into. */
    const moving = new Map<Node, Set<Node>>()
    return rewrite(roots, (node, args) => {
      const made = remade(node, args, moving.get(node) ?? null)
      const home = homes.get(node)
      if (home !== undefined) {
        const all = setAt(moving, home)
        for (const x of made) all.add(x.node)
      }
      return made
    })
  }
  const remade = (node: Node, args: readonly Expr[], inside: ReadonlySet<Node> | null): readonly Expr[] => {
    const of = loopOf(node)
    if (of === null) return withArgs(node, args)
    if (inside !== null) return withInside(of, args, inside)
    const body = within(of.body)
    return body === of.body ? withArgs(node, args) : loop(body, of.operands, tripsOf(of), args)
  }
  /** The branch, whose round computes the nodes `inside` of what they are made of. */
  const withInside = (of: Loop, args: readonly Expr[], inside: ReadonlySet<Node>): readonly Expr[] => {
    const { body, operands } = of
    const moved = (x: Expr): boolean => inside.has(x.node)
    const found = [...inside].flatMap((node) => node.args.filter((x) => !moved(x) && !isNothing(x)))
    const read = [...new Set([...args.slice(0, operands).filter((x) => !moved(x)), ...found])]
    const stands = read.map(parameter)
    const fixed = substitute(args.slice(0, operands), read, stands)
    const carries = body.inputs.slice(operands)
    const outputs = substitute(body.outputs, body.inputs.slice(0, operands), fixed)
    const round = within(graph([...stands, ...carries], outputs))
    return loop(round, read.length, tripsOf(of), [...read, ...args.slice(operands)])
  }
  return everywhere(roots)
}
