/**
 * Random programs: straight lines of smooth operations over a few operands, as data, so that one program can be built over
 * constants, over parameters, or over the stand-ins of a transformation.
 */
import fc from 'fast-check'
import { primitives as p, type Expr } from '@adjoint/tensor/ir'
import { type Data, data, positiveDims, shapes } from './arbitraries.ts'

/** One operation: which, on which earlier values, and a number that settles the rest. All are taken modulo what exists. */
interface Step {
  readonly op: number
  readonly x: number
  readonly y: number
  readonly detail: number
}
export interface RandomProgram {
  /** Values for the operands, all floats. */
  readonly inputs: readonly Data[]
  /** The values computed, last first; every earlier one may be shared below. */
  readonly build: (inputs: readonly Expr[]) => readonly Expr[]
  /** The operations, for counterexamples. */
  readonly steps: readonly Step[]
}

type Operation = (x: Expr, y: Expr, detail: number) => Expr

const axisOf = (x: Expr, detail: number): number => (x.shape.length === 0 ? -1 : detail % x.shape.length)
/** An operation along one axis; scalars stay as they are. */
const along =
  (f: (x: Expr, axis: number, detail: number) => Expr): Operation =>
  (x, _, detail) =>
    x.shape.length === 0 ? x : f(x, axisOf(x, detail), detail)
const reduceAndSpread = (f: (x: Expr, axes: readonly number[]) => Expr): Operation =>
  along((x, axis) =>
    p.broadcastTo(
      p.reshape(
        f(x, [axis]),
        x.shape.map((d, i) => (i === axis ? 1 : d)),
      ),
      x.shape,
    ),
  )
const scale = (x: Expr, by: number): Expr => p.mul(x, p.fillLike(x, by))

/** Values stay within a few units of zero, so that programs of any length stay finite and smooth. */
const operations: readonly Operation[] = [
  (x) => p.sin(x),
  (x) => p.tanh(x),
  (x) => p.sigmoid(p.neg(x)),
  (x) => p.exp(p.tanh(x)),
  (x) => p.log(p.add(p.mul(x, x), p.fillLike(x, 1))),
  (x) => p.rsqrt(p.add(p.mul(x, x), p.fillLike(x, 0.5))),
  (x, y) => p.add(x, y),
  (x, y) => p.sub(p.tanh(x), y),
  (x, y) => p.mul(p.tanh(x), p.cos(y)),
  (x, y) => p.div(x, p.add(p.mul(y, y), p.fillLike(y, 1))),
  (x, y) => p.where(p.lt(p.stopGradient(x), p.fillLike(x, 100)), x, y),
  reduceAndSpread((x, axes) => scale(p.reduceSum(x, axes), 0.3)),
  along((x, axis) => scale(p.reduceSum(p.tanh(x), [axis]), 0.5)),
  along((x, axis) => scale(p.cumsum(x, axis, false), 0.3)),
  along((x, axis) => scale(p.cumsum(x, axis, true), 0.3)),
  along((x, axis) => p.flip(x, [axis])),
  along((x, axis) => p.moveAxis(x, axis, 0)),
  along((x, axis, detail) => p.sliceAxis(x, axis, 0, 1 + (detail % x.shape[axis]!))),
  along((x, axis, detail) => {
    const before = x.shape.map((_, i) => (i === axis ? detail % 3 : 0))
    return p.pad(x, before, [...before].reverse())
  }),
  (x, y, detail) => along((a, axis) => p.concat([a, y], axis))(x, y, detail),
  (x) => p.reshape(x, [x.shape.reduce((n, d) => n * d, 1)]),
  (x) => (x.shape.length < 2 ? x : scale(p.dot(x, p.matrixTranspose(p.tanh(x))), 0.2)),
  along((x, axis, detail) => {
    const n = x.shape[axis]!
    const indices = p.constant(Int32Array.from([detail % n, (detail * 7) % n, 0]), [3], 'i32')
    return p.take(x, indices, axis)
  }),
]

/** Elements of the largest value kept, or sizes would grow with every concatenation. */
const LARGEST = 400

export const programs = ({ maxSteps = 12 }: { readonly maxSteps?: number } = {}): fc.Arbitrary<RandomProgram> => {
  const step = fc.record({ op: fc.nat(operations.length - 1), x: fc.nat(50), y: fc.nat(50), detail: fc.nat(97) })
  const shape = shapes({ maxRank: 3, dim: positiveDims.map((d) => Math.min(d, 5)) })
  return fc
    .tuple(shape, fc.integer({ min: 1, max: 3 }), fc.array(step, { minLength: 1, maxLength: maxSteps }))
    .chain(([s, count, steps]) =>
      fc.tuple(...Array.from({ length: count }, () => data(s))).map((inputs) => ({
        inputs,
        steps,
        build: (operands: readonly Expr[]) => {
          const values = [...operands]
          for (const { op, x, y, detail } of steps) {
            const a = values[values.length - 1 - (x % values.length)]!
            const alike = values.filter(
              (v) => v.shape.length === a.shape.length && v.shape.every((d, i) => d === a.shape[i]),
            )
            const next = operations[op]!(a, alike[y % alike.length]!, detail)
            if (next.shape.reduce((n, d) => n * d, 1) <= LARGEST) values.push(next)
          }
          return values.slice(operands.length).reverse()
        },
      })),
    )
}
