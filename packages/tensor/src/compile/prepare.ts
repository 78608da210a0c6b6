/** What is asked for, as the scheduler wants to see it: simple, without composites, and so is every loop and its body. */
import { type Expr, type Graph, type Telling } from '../graph/expr.ts'
import { simplify } from '../graph/simplify.ts'
import { normalize } from './normalize.ts'
import type { Capabilities } from './capabilities.ts'
import type { Stage } from './stage.ts'
import { hasLoops, loopsTidied } from './rounds.ts'
import { sunk } from './sink.ts'
import { told, tellingOn, toldByLoops } from './told.ts'
import { verifyExprs, verifying, verifyUnwritten } from '#verify'

/** What is asked for, prepared; and what the host is told of when it was computed. */
export interface Prepared {
  readonly outputs: readonly Expr[]
  readonly tellings: readonly Telling[]
}

export const prepare = (capabilities: Capabilities, stage: Stage, asked: readonly Expr[]): Prepared => {
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
    // Composites bring loops that others are equal to: these become one before each is cut down to what is read of it.
    const shared = hasLoops(normal) ? stage('simplify', () => simplify(normal)) : normal
    const tidy = hasLoops(normal) ? checked('loops', shared, loopsTidied(body, toldByLoops(body, shared))) : normal
    const simpler = stage('simplify', () => checked('simplify', tidy, simplify(tidy)))
    if (verifying()) verifyUnwritten(simpler)
    return simpler
  }
  const ready = prepared(asked)
  // Only now, when what is the same in all rounds of a loop is outside of it.
  const { roots, tellings } = told(hasLoops(ready) ? checked('sink', ready, simplify(sunk(ready))) : ready)
  if (tellings.length === 0) return { outputs: roots, tellings }
  const all = simplify([...roots, ...tellings.flatMap(({ values }) => values)])
  return { outputs: all.slice(0, roots.length), tellings: tellingOn(tellings, all.slice(roots.length)) }
}

const checked = (name: string, before: readonly Expr[], after: readonly Expr[]): readonly Expr[] => {
  if (verifying()) verifyExprs(name, before, after)
  return after
}
