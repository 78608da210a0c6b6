/** What a scan does in order to be differentiated backwards: which of its carries lead to what is wanted, and what it saves. */
import { getOrInsert } from '../base/get-or-insert.ts'
import { isFloat } from '../base/dtype.ts'
import type { Expr } from '../graph/expr.ts'
import { type Graph, graph } from '../graph/graph.ts'
import { share } from '../graph/share.ts'
import { dependents, frontier } from '../graph/walk.ts'
import { standIns } from '../transform/derived.ts'
import { pullbackOf } from '../transform/pullback.ts'
import { present } from './call.ts'
import { grown } from './grown.ts'
import { valuesToSave } from './saved.ts'
import { kinds, type ScanParams } from './scan-params.ts'

/** The inputs of the body whose cotangents lead to the arguments that are wanted: these, and the carries that they ever change. */
export const leading = (params: ScanParams, wanted: readonly boolean[]): readonly boolean[] => {
  const { inputs, outputs } = params.body
  const [fixed, first, rows] = kinds(wanted, params)
  const carries = grown(first, (now) => {
    const flags = [...fixed, ...now, ...rows]
    const given = inputs.filter((_, i) => flags[i] === true)
    const changed = new Set<Expr>([...given, ...dependents(outputs, given).flatMap((node) => node.outs)])
    return now.map((_, i) => isFloat(outputs[i]!.dtype) && changed.has(outputs[i]!))
  })
  return [...fixed, ...carries, ...rows]
}

/** The pullback of a body. */
interface Pulled {
  /** Its outputs, computed so that what the pullback reads is kept. */
  readonly outs: readonly Expr[]
  /** What stands for the cotangents of the outputs, null for those that have none. */
  readonly cts: readonly (Expr | null)[]
  /** The cotangents of the inputs. */
  readonly grads: readonly (Expr | null)[]
}
const keyOfPulled = (flags: readonly boolean[], to: readonly boolean[]): string =>
  [flags, to].map((of) => of.map(Number).join('')).join()
const pulledOf = new WeakMap<Graph, Map<string, Pulled>>()
const rememberPulled = (body: Graph, key: string, pulled: Pulled): void => {
  getOrInsert(pulledOf, body, () => new Map<string, Pulled>()).set(key, pulled)
}

/** The body's pullback to the inputs that are flagged in `to`, at cotangents that stand for those of the outputs flagged in `flags`. */
export const pulledBack = (body: Graph, flags: readonly boolean[], to: readonly boolean[]): Pulled => {
  const key = keyOfPulled(flags, to)
  const known = pulledOf.get(body)?.get(key)
  if (known !== undefined) return known
  const cts = standIns(body.outputs, flags)
  const wanted = body.inputs.filter((x, i) => isFloat(x.dtype) && to[i] === true)
  const { outs, pullback } = pullbackOf(body.outputs, wanted)
  const found = pullback(cts)
  const grads = body.inputs.map((x) => found[wanted.indexOf(x)] ?? null)
  // What rules compute of the forward pass again is what that computed.
  const both = share([...outs, ...present(grads)])
  const pulled = { outs: both.slice(0, outs.length), cts, grads: inPlaceOf(grads, both.slice(outs.length)) }
  rememberPulled(body, key, pulled)
  return pulled
}
/** `values` in the places of what is not null. */
export const inPlaceOf = (slots: readonly (Expr | null)[], values: readonly Expr[]): readonly (Expr | null)[] => {
  let next = 0
  return slots.map((slot) => (slot === null ? null : values[next++]!))
}

const plans = new WeakMap<Graph, Map<string, Graph>>()

export type SavingParams = ScanParams & { readonly saved: NonNullable<ScanParams['saved']> }
export const isSavedFor = (params: ScanParams, wanted: readonly boolean[]): params is SavingParams =>
  params.saved?.wanted.every((w, i) => w === wanted[i]) === true

/** The same scan with what its pullback to the arguments that are wanted reads among its results. */
export const savingParams = (params: ScanParams, wanted: readonly boolean[]): SavingParams => {
  const { body, operands, carries, keep } = params
  const key = `${operands} ${carries} ${keep} ${wanted.map(Number).join('')}`
  const known = getOrInsert(plans, body, () => new Map<string, Graph>())
  const plan = getOrInsert(known, key, () => savingBody(params, leading(params, wanted)))
  return { ...params, body: plan, saved: { results: body.outputs.length, wanted } }
}
const savingBody = (params: ScanParams, to: readonly boolean[]): Graph => {
  const { body, carries, keep } = params
  const { inputs } = body
  const [fixed, now, rows] = kinds(inputs, params)
  if (keep === 'carries')
    return graph(inputs, [...body.outputs, ...now.filter((c) => !body.outputs.includes(c, carries))])
  const flags = body.outputs.map((_, i) => i >= carries || to[params.operands + i] === true)
  const { outs, cts, grads } = pulledBack(body, flags, to)
  const [stands, pulled] = [present(cts), present(grads)]
  const read = [...frontier(pulled, stands, dependents(pulled, stands))]
  const saves = valuesToSave(read, new Set([...fixed, ...rows, ...outs.slice(carries)]))
  const outputs = [...outs, ...saves]
  const made = graph(inputs, outputs)
  // Of what it saves nothing flows back: where it is made of the same values, its pullback is known.
  if (made.inputs === inputs && made.outputs.every((x, i) => x === outputs[i])) {
    const none = saves.map(() => false)
    const more = { outs: outputs, cts: [...cts, ...saves.map(() => null)], grads }
    rememberPulled(made, keyOfPulled([...flags, ...none], to), more)
  }
  return made
}
