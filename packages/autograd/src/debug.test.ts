// Debugging under transformations.
import {
  debugNans,
  debugPrint,
  jit,
  mul,
  readAsync,
  scalar,
  scan,
  NonFiniteError,
  sqrt,
  sum,
  tensor,
  type Tensor,
} from '@adjoint/tensor'
import { presentDevices } from '@adjoint/testing'
import { afterEach, expect, test, vi } from 'vitest'
import { checkpoint } from './checkpoint.ts'
import { grad, valueAndGrad } from './grad.ts'
import { jvp } from './jvp.ts'
import { vmap } from './vmap.ts'

type Floats = Tensor<readonly number[], 'f32'>
type Loss = Tensor<readonly [], 'f32'>

afterEach(() => vi.restoreAllMocks())

test('a NaN of the backward pass has the line of the operation whose derivative it is', async () => {
  const here = /debug\.test\.ts:(\d+)/.exec(new Error().stack!)![1]!
  const loss = (x: Floats): Loss => sum()(mul(sqrt(x), 2))
  const step = jit(grad(checkpoint(loss)))
  const error: unknown = await debugNans(step, { infinities: true })(tensor([1, 0])).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(NonFiniteError)
  expect((error as NonFiniteError).site).toContain(`debug.test.ts:${Number(here) + 1}:`)
})

test('what is printed passes through grad, jvp, vmap and checkpoint', async () => {
  const lines: (readonly unknown[])[] = []
  vi.spyOn(console, 'log').mockImplementation((...args: readonly unknown[]) => void lines.push(args))
  const f = (x: Floats): Loss => sum()(mul(debugPrint('x')(mul(x, 2)), x))
  expect([...(await readAsync(await debugNans(jit(grad(f)))(tensor([1, 3]))))]).toEqual([4, 12])
  expect(lines).toContainEqual(['x f32[2]:', [2, 6]])
  const [, tangent] = jvp(checkpoint(f))(tensor([1, 3]), tensor([1, 0]))
  expect([...(await readAsync(tangent))]).toEqual([4])
  lines.length = 0
  await debugNans(vmap(f))(tensor([[1], [3]]))
  expect(lines).toEqual([['x f32[2, 1]:', [[2], [6]]]])
})

test.each(await presentDevices())(
  'compiled programs on $kind print the primal once, all members of a batch at once, and again what is computed again',
  async (device) => {
    const lines: (readonly unknown[])[] = []
    vi.spyOn(console, 'log').mockImplementation((...args: readonly unknown[]) => void lines.push(args))
    const f = (x: Floats): Loss => sum()(mul(debugPrint('x')(mul(x, 2)), x))
    const line = ['x f32[2]:', [2, 6]]
    expect([...(await readAsync(jit(grad(f), { device })(tensor([1, 3]))))]).toEqual([4, 12])
    expect(lines).toEqual([line])
    await readAsync(jit((x: Floats) => jvp(f)(x, x)[1], { device })(tensor([1, 3])))
    expect(lines).toEqual([line, line])
    const [value] = valueAndGrad(checkpoint(f))(tensor([1, 3]))
    await readAsync(value, device)
    expect(lines).toEqual([line, line, line])
    lines.length = 0
    await readAsync(jit((x: Floats) => vmap(f)(x as never), { device })(tensor([[1], [3]])))
    expect(lines).toEqual([['x f32[2, 1]:', [[2], [6]]]])
    // what is scanned is printed once a round, forward, and not by its pullback
    lines.length = 0
    const rounds = (x: Loss): Loss =>
      scan((c: Loss, _: null) => [mul(debugPrint('c')(c), c), null] as const, { length: 2 })(x, null)[0]
    expect([...(await readAsync(jit(grad(rounds), { device })(scalar(3))))]).toEqual([108])
    expect(lines[0]).toEqual(['c f32[]:', 3])
    expect(lines[1]).toEqual(['c f32[]:', 9])
  },
)
