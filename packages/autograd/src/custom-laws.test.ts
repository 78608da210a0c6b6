/**
 * A function whose rule is its own derivative is that function: under every law of differentiation, by itself and within all that
 * holds graphs. The rules close over a constant, one tensor is both of their arguments or one is a constant, and vmap maps some of them only.
 */
import {
  add,
  cond,
  gt,
  jit,
  mul,
  requestDeviceAsync,
  scalar,
  scan,
  sum,
  tensor,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { checkLaw, hostArray, laws, samples, type Sample } from '@adjoint/testing'
import { describe, test } from 'vitest'
import { customJvp } from './custom-jvp.ts'
import { customVjp } from './custom.ts'
import { jvp } from './jvp.ts'
import { vjp } from './vjp.ts'

/** Runs of each law, which all see other programs: more of them by hand. */
const numRuns = Number(process.env['ADJOINT_RUNS'] ?? 1)

type F32 = Tensor<readonly number[], 'f32'>
type Vectors = readonly F32[]
type Run = (xs: Vectors) => Vectors

/** Data of the host, so that a graph does not make it for itself but is handed it. */
const three = sum()(tensor([1, 2])) as Scalar
const tripled = (xs: Vectors): Vectors => xs.map((x) => mul(x, three))
const products = (xs: Vectors, ys: Vectors): Vectors => xs.map((x, i) => mul(x, ys[i]!))
const sums = (xs: Vectors, ys: Vectors): Vectors => xs.map((x, i) => add(x, ys[i]!))

/** g(xs, ys) = 3 f(xs) + f(xs) f(ys), with a rule that says so. */
const rules: Readonly<Record<string, (f: Run) => (xs: Vectors, ys: Vectors) => Vectors>> = {
  customVjp: (f) => {
    const value = (xs: Vectors, ys: Vectors): Vectors => sums(tripled(f(xs)), products(f(xs), f(ys)))
    return customVjp(
      value,
      (xs: Vectors, ys: Vectors) => [value(xs, ys), [xs, ys]] as const,
      ([xs, ys], cts) => [vjp(f)(xs)[1](sums(tripled(cts), products(cts, f(ys)))), vjp(f)(ys)[1](products(cts, f(xs)))],
    )
  },
  customJvp: (f) => {
    const value = (xs: Vectors, ys: Vectors): Vectors => sums(tripled(f(xs)), products(f(xs), f(ys)))
    return customJvp(value, ([xs, ys], [dxs, dys]) => {
      const [[fx, dfx], [fy, dfy]] = [jvp(f)(xs, dxs), jvp(f)(ys, dys)]
      return [value(xs, ys), sums(sums(tripled(dfx), products(dfx, fy)), products(fx, dfy))] as const
    })
  },
}
const reference = await requestDeviceAsync({ kind: 'reference' })
/** What a function stands in; what compiles itself where nothing is traced does so in double precision. */
const places: Readonly<Record<string, (f: Run) => Run>> = {
  'by itself': (f) => f,
  // What did not depend on the carry or the row would be computed outside of the loop.
  'in a scan': (f) => (xs) => {
    const round = (c: Scalar, k: Scalar) => [mul(c, k), f(xs.map((x): F32 => mul(x, c)))] as const
    return scan(round)(scalar(0.5), tensor([1, 2]))[1]
  },
  'in a cond': (f) => (xs) =>
    cond(
      gt(three, 0),
      (...ys: Vectors) => f(ys),
      (...ys: Vectors) => tripled(f(ys)),
    )(...xs),
  'in a jit': (f) => jit(f, { device: reference }),
}

describe.each(Object.entries(rules))('%s', (_, rule) => {
  describe.each(Object.entries(places))('%s', (__, place) => {
    const custom = samples.map(({ program, ...rest }): Sample => {
      const f = rule((xs) => program.build(xs) as Vectors)
      const fixed = program.inputs.map((x) => tensor(hostArray(x), x.shape, 'f32'))
      const build: Run = place((xs) => [...f(xs, xs), ...f(xs, fixed)])
      return { ...rest, program: { ...program, build: (xs) => build(xs as Vectors) } }
    })
    // The others say nothing of where a rule stands.
    const those = laws.filter(({ name }) => name.includes('grad') || name.includes('vmap') || name.includes('J^T'))
    test.each(those.map((law, i) => [law.name, law, i] as const))('%s', (___, law, i) => {
      checkLaw({ ...law, arbitrary: custom }, { seed: 20261123 + i, numRuns })
    })
  })
})
