/** What is asked for, as the scheduler wants to see it: simple, without composites, and so is every loop and its body. */
import { type Expr, type Graph } from '../graph/expr.ts'
import { simplify } from '../graph/simplify.ts'
import { normalize } from './normalize.ts'
import type { Capabilities } from './capabilities.ts'
import type { Stage } from './stage.ts'
import { hasLoops, loopsTidied } from './rounds.ts'
import { verifyExprs, verifying } from './verify.ts'
import { verifyUnwritten } from './unwritten.ts'

export const prepare = (capabilities: Capabilities, stage: Stage, asked: readonly Expr[]): readonly Expr[] => {
  const known = new Map<Graph, Graph>()
  const body = (of: Graph): Graph => {
    const made: Graph = known.get(of) ?? { inputs: of.inputs, outputs: prepared(of.outputs) }
    known.set(of, made)
    known.set(made, made)
    return made
  }
  const prepared = (roots: readonly Expr[]): readonly Expr[] => {
    const simple = stage('simplify', () => checked('simplify', roots, simplify(roots)))
    const normal = stage('normalize', () => checked('normalize', simple, normalize(capabilities, simple)))
    const tidy = hasLoops(normal) ? checked('loops', normal, loopsTidied(body, normal)) : normal
    const simpler = stage('simplify', () => checked('simplify', tidy, simplify(tidy)))
    if (verifying()) verifyUnwritten(simpler)
    return simpler
  }
  return prepared(asked)
}

const checked = (name: string, before: readonly Expr[], after: readonly Expr[]): readonly Expr[] => {
  if (verifying()) verifyExprs(name, before, after)
  return after
}
