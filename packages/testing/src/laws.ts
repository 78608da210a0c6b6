/**
 * The laws of differentiation and vectorisation as values: what must hold of every program, whoever wrote its rules. A law
 * is run by `checkLaw` against samples, a program with a point, directions and a batch, in double precision.
 */
import { checkpoint, grad, hvp, jvp, vjp, vmap } from '@adjoint/autograd'
import { add, mul, random, scalar, stack, sum, tanh, tensor, type Scalar, type Tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { data, type Data, hostArray } from './arbitraries.ts'
import { close, mismatch, type Tolerance, tolerances } from './close.ts'
import { directionalDerivative } from './differences.ts'
import { opPrograms } from './op-programs.ts'
import { programs, type RandomProgram } from './programs.ts'

export interface Law<T> {
  readonly name: string
  readonly arbitrary: fc.Arbitrary<T>
  /** True, or what is wrong. */
  readonly holds: (sample: T) => true | string
}

/** Runs a law on random samples; throws with the smallest counterexample found. */
export const checkLaw = <T>(law: Law<T>, { seed = 20261123, numRuns = 40 } = {}): void => {
  fc.assert(
    fc.property(law.arbitrary, (sample) => {
      const verdict = law.holds(sample)
      if (verdict !== true) throw new Error(`${law.name}: ${verdict}`)
    }),
    { seed, numRuns },
  )
}

/** A program, two further points with the first (a batch of three), a direction, and a seed for cotangents. */
export interface Sample {
  readonly program: RandomProgram
  readonly others: readonly (readonly Data[])[]
  readonly tangent: readonly Data[]
  /** Which operands are mapped in laws of vmap: at least one. */
  readonly mapped: readonly boolean[]
  readonly seed: number
}

export const samples: fc.Arbitrary<Sample> = fc
  .oneof(programs({ maxSteps: 8 }), opPrograms({ maxSteps: 4 }))
  .chain((program) => {
    const alike = fc.tuple(...program.inputs.map(({ shape }) => data(shape)))
    return fc.record({
      program: fc.constant(program),
      others: fc.tuple(alike, alike),
      tangent: alike,
      mapped: fc
        .tuple(fc.nat(program.inputs.length - 1), fc.tuple(...program.inputs.map(() => fc.boolean())))
        .map(([one, rest]) => rest.map((m, i) => m || i === one)),
      seed: fc.nat(1000),
    })
  })

type F32 = Tensor<readonly number[], 'f32'>
type Vectors = readonly F32[]

const tensorOf = (x: Data): F32 => tensor(hostArray(x), x.shape, 'f32')
const valuesOf = (xs: Vectors): readonly Float64Array[] => evaluate(xs).map((v) => v.data)
const flat = (xs: Vectors): readonly number[] => valuesOf(xs).flatMap((v) => [...v])
const dot = (xs: Vectors, ys: Vectors): Scalar =>
  xs.reduce<Scalar>((total, x, i) => add(total, sum()(mul(x, ys[i]!)) as Scalar), scalar(0))
const number = (x: Scalar): number => evaluate([x])[0]!.data[0]!
const normal = (seed: number, like: Vectors): Vectors =>
  like.map((x, i) => random.normal()(random.foldIn(random.key(seed), i), x.shape))

/** What every law begins with. */
const opened = ({ program, others, tangent, seed }: Sample) => {
  // All outputs of a random program; programs are made of floats.
  const f = (xs: Vectors): Vectors => program.build(xs) as Vectors
  const x = program.inputs.map(tensorOf)
  const outs = f(x)
  return {
    f,
    x,
    t: tangent.map(tensorOf),
    ct: normal(seed, outs),
    /** A scalar function that depends on everything, and is bounded. */
    loss: (xs: Vectors): Scalar => dot(f(xs).map(tanh), normal(seed, outs)),
    batch: [program.inputs, ...others].map((point) => point.map(tensorOf)),
  }
}

const same = (actual: Vectors, expected: Vectors, tolerance: Tolerance = tolerances.double): true | string => {
  const shapes = [actual, expected].map((xs) => JSON.stringify(xs.map((x) => x.shape)))
  if (shapes[0] !== shapes[1]) return `shapes ${shapes[0]!} instead of ${shapes[1]!}`
  return mismatch(flat(actual), flat(expected), tolerance) ?? true
}
const sameNumber = (actual: number, expected: number, tolerance: Tolerance): true | string =>
  close(actual, expected, tolerance) || `${actual} instead of ${expected}`

/** Sums that cancel, in doubles. */
const rounding: Tolerance = { relative: 1e-8, absolute: 1e-9 }
const differences: Tolerance = { relative: 1e-5, absolute: 1e-5 }

const law = (name: string, holds: (sample: Sample) => true | string): Law<Sample> => ({
  name,
  arbitrary: samples,
  holds,
})

/** The derivative of a scalar function along `t`, by central differences. */
const slope = (f: (xs: Vectors) => Scalar, x: Vectors, t: Vectors): number =>
  directionalDerivative(
    (point) => number(f(x.map((xi, i) => add(xi, scaled(t[i]!, point[0]![0]!))))),
    [Float64Array.of(0)],
    [Float64Array.of(1)],
    2 ** -9,
  )
const scaled = (t: F32, by: number): F32 => mul(t, by)

/** Each leaf of several trees, stacked, or that of the first where it is not mapped. */
const stacked = (points: readonly Vectors[], mapped: readonly boolean[]): Vectors =>
  points[0]!.map((x, i) => (mapped[i] === true ? (stack(0)(points.map((p) => p[i]!)) as F32) : x))
/** The points that those rows stand for. */
const unmapped = (points: readonly Vectors[], mapped: readonly boolean[]): readonly Vectors[] =>
  points.map((p) => p.map((x, i) => (mapped[i] === true ? x : points[0]![i]!)))
const all = (xs: Vectors): readonly boolean[] => xs.map(() => true)

export const adjointIdentity = law('<J t, ct> = <t, J^T ct>', (sample) => {
  const { f, x, t, ct } = opened(sample)
  return sameNumber(number(dot(jvp(f)(x, t)[1], ct)), number(dot(t, vjp(f)(x)[1](ct))), rounding)
})

export const transformedValue = law('vjp and jvp give the value of f', (sample) => {
  const { f, x, t } = opened(sample)
  const reverse = same(vjp(f)(x)[0], f(x))
  return reverse === true ? same(jvp(f)(x, t)[0], f(x)) : reverse
})

export const linearPullback = law('the pullback is linear', (sample) => {
  const { f, x, ct } = opened(sample)
  const [, pullback] = vjp(f)(x)
  const other = normal(sample.seed + 1, ct)
  const left = pullback(ct.map((c, i) => add(mul(c, 3), other[i]!)))
  const [g, h] = [pullback(ct), pullback(other)]
  return same(
    left,
    g.map((c, i) => add(mul(c, 3), h[i]!)),
    rounding,
  )
})

export const centralDifferences = law('jvp agrees with central differences', (sample) => {
  const { f, x, t, ct } = opened(sample)
  return sameNumber(
    number(dot(jvp(f)(x, t)[1], ct)),
    slope((v) => dot(f(v), ct), x, t),
    differences,
  )
})

export const vectorised = law('vmap f = stack . map f', (sample) => {
  const { f, batch } = opened(sample)
  const { mapped } = sample
  const got = vmap(f, { inAxes: [mapped.map((m) => (m ? 0 : null))] })(stacked(batch, mapped))
  const rows = unmapped(batch, mapped).map(f)
  return same(got, stacked(rows, all(got)))
})

export const checkpointed = law('checkpoint f = f, in value and gradient', (sample) => {
  const { f, x, ct } = opened(sample)
  const [value, pullback] = vjp(checkpoint(f))(x)
  const [plain, expected] = vjp(f)(x)
  const verdict = same(value, plain)
  return verdict === true ? same(pullback(ct), expected(ct), rounding) : verdict
})

export const gradOfGrad = law('grad . grad: the Hessian agrees with central differences of the gradient', (sample) => {
  const { loss, x, t } = opened(sample)
  const along = (v: Vectors): Scalar => dot(grad(loss)(v), t)
  return sameNumber(number(dot(grad(along)(x), t)), slope(along, x, t), differences)
})

export const hessianProduct = law(
  'hvp = jvp . grad = grad of the product: forward and reverse over reverse',
  (sample) => {
    const { loss, x, t } = opened(sample)
    return same(hvp(loss)(x, t), grad((v: Vectors) => dot(grad(loss)(v), t))(x), rounding)
  },
)

export const vmapOfGrad = law('vmap . grad = stack . map grad', (sample) => {
  const { loss, batch } = opened(sample)
  const { mapped } = sample
  const got = vmap(grad(loss), { inAxes: [mapped.map((m) => (m ? 0 : null))] })(stacked(batch, mapped))
  const rows = unmapped(batch, mapped).map((x) => grad(loss)(x))
  return same(got, stacked(rows, all(got)), rounding)
})

export const gradOfVmap = law('grad . vmap: each row its own gradient, shared operands the sum', (sample) => {
  const { loss, batch } = opened(sample)
  const { mapped } = sample
  const axes = [mapped.map((m) => (m ? 0 : null))]
  const got = grad((xs: Vectors) => sum()(vmap(loss, { inAxes: axes })(xs)) as Scalar)(stacked(batch, mapped))
  const rows = unmapped(batch, mapped).map((x) => grad(loss)(x))
  const want = rows[0]!.map((g, i) =>
    mapped[i] === true ? (stack(0)(rows.map((r) => r[i]!)) as F32) : rows.slice(1).reduce((s, r) => add(s, r[i]!), g),
  )
  return same(got, want, rounding)
})

export const checkpointInside = law('checkpoint within vmap, grad and hvp, in either order, is f', (sample) => {
  const { f, loss, x, t, batch, ct } = opened(sample)
  const bounded =
    (g: typeof f) =>
    (xs: Vectors): Scalar =>
      dot(g(xs).map(tanh), ct)
  const axes = { inAxes: [sample.mapped.map((m) => (m ? 0 : null))] }
  const rows = stacked(batch, sample.mapped)
  const gradients = (g: typeof f): Vectors => [
    ...vmap(grad(bounded(g)), axes)(rows),
    ...grad((xs: Vectors) => sum()(vmap(bounded(g), axes)(xs)) as Scalar)(rows),
  ]
  const verdict = same(gradients(checkpoint(f)), gradients(f), rounding)
  return verdict === true ? same(hvp(checkpoint(loss))(x, t), hvp(loss)(x, t), rounding) : verdict
})

/** All of them. */
export const laws: readonly Law<Sample>[] = [
  adjointIdentity,
  transformedValue,
  linearPullback,
  centralDifferences,
  vectorised,
  checkpointed,
  gradOfGrad,
  hessianProduct,
  vmapOfGrad,
  gradOfVmap,
  checkpointInside,
]
