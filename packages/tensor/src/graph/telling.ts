/** Results, and values that the host is told of when they were computed. Made at lowering, when transformations are done. */
import { applyAll, type Expr, type Primitive, type Telling } from './expr.ts'

interface TellingParams {
  /** So many arguments are the results, and the others what is told. */
  readonly results: number
  readonly tell: Telling['tell']
}
const lowered = (): never => {
  throw new Error('telling: it is made at lowering, when transformations are done: this is a fault of the framework.')
}
const tellingP: Primitive<TellingParams> = {
  name: 'debugPrint',
  outs: (args, { results }) => args.slice(0, results).map(({ shape, dtype }) => ({ shape, dtype })),
  vjp: lowered,
  batch: lowered,
  lower: { kind: 'told', of: (args, { results, tell }) => ({ values: args.slice(results), tell }) },
  evaluate: (args, _, { results, tell }) => {
    tell(args.slice(results))
    return args.slice(0, results).map(({ data }) => data.slice())
  },
}

/** The results; with them the host is told of the values. */
export const telling = (results: readonly Expr[], values: readonly Expr[], tell: Telling['tell']): readonly Expr[] =>
  applyAll(tellingP, [...results, ...values], { results: results.length, tell })
