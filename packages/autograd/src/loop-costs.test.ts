/** What loops cost under differentiation: windows of sums, what only repeats an operand, and equal loops. */
import {
  add,
  arange,
  broadcastTo,
  dynamicSlice,
  expandDims,
  jit,
  mul,
  type Program,
  readAsync,
  type Scalar,
  scan,
  sin,
  sum,
  type Tensor,
  tensor,
  wasmDevice,
  zeros,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { expect, it } from 'vitest'
import { customJvp, grad, valueAndGrad } from './index.ts'

const device = wasmDevice()
type Floats = Tensor<readonly number[], 'f32'>
const arena = ({ slabs }: Program): number => slabs.reduce((a, b) => a + b, 0)
const copied = (steps: Program['steps']): number =>
  steps.reduce((n, s) => n + (s.kind === 'copy' ? s.bytes : s.kind === 'loop' ? s.trips * copied(s.steps) : 0), 0)
/** Bytes that the stores and loads of all kernels are of, loops counted by their rounds. */
const points = (steps: Program['steps']): number =>
  steps.reduce((n, s) => {
    if (s.kind === 'loop') return n + s.trips * points(s.steps)
    return s.kind === 'kernel' && s.kernel.kind === 'loop' ? n + s.kernel.rows.reduce((k, a) => k * a.extent, 1) : n
  }, 0)

/** Rounds that read two windows each of one array of n rows. */
const windows = (n: number) => (table: Floats) =>
  scan((total: Scalar, i: Scalar<'i32'>) => {
    const [one, other] = [i, add(i, 1)].map((at): Floats => dynamicSlice([2, 8])(table, [at, 0]))
    return [add(total, sum()(mul(sin(one!), other!))), null] as const
  })(tensor(0), arange<number>(n - 2))[0]

it('the gradient of an array of which each round reads windows is added up in these alone', async () => {
  const step = (n: number) => jit(grad(windows(n)), { device }).program(zeros([n, 8]))!
  // As an array, each round would add all of it: the work of rounds would grow with the square.
  expect(points(step(1024).steps) / points(step(512).steps)).toBeLessThan(2.1)
  expect(copied(step(512).steps)).toBeLessThan(512 * 8 * 4)
  const table = tensor(
    Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)),
    [6, 8],
  )
  const found = await readAsync(jit(grad(windows(6)), { device })(table), device)
  evaluate([grad(windows(6))(table)])[0]!.data.forEach((x, i) => expect(found[i]).toBeCloseTo(x, 5))
  const written = (x: Floats): Scalar => {
    let total: Scalar = tensor(0)
    for (let i = 0; i < 4; i++)
      total = add(total, sum()(mul(sin(dynamicSlice([2, 8])(x, [i, 0])), dynamicSlice([2, 8])(x, [i + 1, 0]))))
    return total
  }
  evaluate([grad(written)(table)])[0]!.data.forEach((x, i) => expect(found[i]).toBeCloseTo(x, 5))
})

it('what only repeats a value of the outside is repeated where it is read', () => {
  const [rows, columns] = [64, 4096]
  const f = (x: Floats, start: Floats): Floats =>
    scan(
      (now: Floats, _: Scalar<'i32'>) =>
        [add(sin(now), broadcastTo([rows, columns])(expandDims(-1)(sin(x)))), null] as const,
    )(start, arange(5))[0]
  const program = jit(f, { device, donate: [1] }).program(zeros([rows]), zeros([rows, columns]))!
  expect(arena(program)).toBeLessThan(rows * columns * 4)
})

it('a custom rule that computes the value in a loop shares it with who asks for the value', () => {
  const looped = (x: Floats): { readonly y: Floats; readonly z: Floats } => {
    const [y, z] = scan(
      ([y, z]: readonly [Floats, Floats], _: Scalar<'i32'>) => [[sin(add(y, x)), add(z, y)] as const, null] as const,
    )([x, x] as const, arange(7))[0]
    return { y, z }
  }
  const f = customJvp(
    (x: Floats): Floats => looped(x).y,
    ([x], [t]) => {
      const { y, z } = looped(x)
      return [y, mul(z, t)] as const
    },
  )
  const { steps } = jit(
    valueAndGrad((x: Floats): Scalar => sum()(f(x))),
    { device },
  ).program(zeros([32]))!
  expect(steps.filter((s) => s.kind === 'loop')).toHaveLength(1)
})
