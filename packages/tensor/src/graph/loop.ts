/**
 * The loop that devices run: all control flow becomes it. A body takes values that stay the same and values that are carried
 * from round to round; a counter is a carry like any other, `xs[i]` is a slice at it, and stacked results are a carry that each
 * round writes a row of. Loops are made at lowering, when transformations are done: what users write (`scan`, `whileLoop`,
 * `cond`) is differentiated and batched as what it is.
 */
import { showAval } from '../base/errors.ts'
import { sameShape, sizeOf } from '../base/shape.ts'
import { apply, applyAll, type Aval, type Expr, type Graph, type Loop, type Primitive, type Value } from './expr.ts'

const broken = (what: string): Error =>
  new Error(`loop: ${what}. Loops are made by lowering: this is a fault of the framework.`)
const same = (x: Aval, y: Aval | undefined): boolean =>
  y !== undefined && sameShape(x.shape, y.shape) && x.dtype === y.dtype
const show = (x: Aval | undefined): string => (x === undefined ? 'nothing' : showAval(x))

export const loopP: Primitive<Loop> = {
  name: 'loop',
  outs: (args, { body: { inputs, outputs }, operands, trips, flagged }) => {
    if (inputs.length !== args.length) throw broken(`a body of ${inputs.length} inputs was given ${args.length}`)
    inputs.forEach((x, i) => {
      if (!same(x, args[i])) throw broken(`input ${i} of the body is a ${show(x)}, and was given a ${show(args[i])}`)
    })
    const carries = inputs.slice(operands)
    if (carries.length !== outputs.length)
      throw broken(`${carries.length} carries become ${outputs.length} in a round of the body`)
    carries.forEach((x, i) => {
      if (!same(x, outputs[i])) throw broken(`carry ${i} is a ${show(x)}, and becomes a ${show(outputs[i])} in a round`)
    })
    const flag = carries.at(-1)
    if (flagged && (flag?.dtype !== 'bool' || flag.shape.length > 0))
      throw broken(`its last carry, a ${show(flag)}, should say whether it goes on: a bool scalar`)
    if (!(trips >= 0 && (Number.isSafeInteger(trips) || (flagged && trips === Infinity))))
      throw broken(`it has ${trips} rounds`)
    return carries.map(({ shape, dtype }) => ({ shape, dtype }))
  },
  vjp: () => {
    throw broken('it was differentiated')
  },
  batch: () => {
    throw broken('it was batched')
  },
  lower: { kind: 'loop', of: (params) => params },
  evaluate: (args, _, { body: { inputs, outputs }, operands, trips, flagged }, run) => {
    const fixed = args.slice(0, operands)
    let carries: readonly Value[] = args.slice(operands)
    for (let round = 0; round < trips && !(flagged && carries.at(-1)!.data[0] === 0); round++) {
      const given = [...fixed, ...carries]
      carries = run(outputs, new Map(inputs.map((x, i) => [x, given[i]!])))
    }
    return carries.map((v) => v.data)
  },
}

/**
 * What carries start from of which nothing is read: the results that rounds stack, each writing its row, and those of two
 * branches of which one runs. They need no zeros. Made at lowering, as loops are.
 */
const unwrittenP: Primitive<Aval> = {
  name: 'unwritten',
  outs: (_, { shape, dtype }) => [{ shape, dtype }],
  vjp: () => [],
  batch: () => {
    throw broken('what its carries start from was batched')
  },
  lower: { kind: 'unwritten' },
  // Whoever reads it sees that it should not have.
  evaluate: (_, [out]) => [new Float64Array(sizeOf(out!.shape)).fill(NaN)],
}
export const unwritten = ({ shape, dtype }: Aval): Expr => apply(unwrittenP, [], { shape, dtype })

/** So many rounds; as long as the last carry is true (null); or as long as it is, and no more than that many. */
export type Trips = number | null | { readonly atMost: number }

/** The carries after the rounds of `body`, from `args`: operands, then first carries. */
export const loop = (body: Graph, operands: number, trips: Trips, args: readonly Expr[]): readonly Expr[] => {
  if (body.outputs.length === 0) return []
  const most = typeof trips === 'number' ? trips : (trips?.atMost ?? Infinity)
  return applyAll(loopP, args, { body, operands, trips: most, flagged: typeof trips !== 'number' })
}
