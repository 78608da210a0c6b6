// What is printed by compiled programs is what the interpreter prints, on every device.
import { presentDevices } from '@adjoint/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  add,
  cast,
  cond,
  debugPrint,
  foriLoop,
  gt,
  jit,
  lt,
  mul,
  readAsync,
  realizeAsync,
  scalar,
  type Scalar,
  scan,
  tensor,
  type Tensor,
  whileLoop,
} from '../index.ts'

const devices = await presentDevices()
type Floats = Tensor<readonly number[], 'f32'>

afterEach(() => vi.restoreAllMocks())
const printed = () => {
  const lines: (readonly unknown[])[] = []
  vi.spyOn(console, 'log').mockImplementation((...args: readonly unknown[]) => void lines.push(args))
  return lines
}

describe.each(devices)('debugPrint on $kind', (device) => {
  const twice = (x: Floats): Floats => mul(debugPrint('x')(add(x, 1)), 2)

  test('prints at each run, computed or compiled, before the result is there', async () => {
    const lines = printed()
    const line = ['x f32[2, 1]:', [[2], [3]]]
    expect([...(await readAsync(twice(tensor([[1], [2]])), device))]).toEqual([4, 6])
    expect(lines).toEqual([line])
    const compiled = jit(twice, { device })
    await readAsync(compiled(tensor([[1], [2]])))
    await realizeAsync(compiled(tensor([[1], [2]])), device)
    expect(lines).toEqual([line, line, line])
    // runs that nobody awaits one by one, in their order
    const [a, b] = [compiled(tensor([5])), compiled(tensor([7]))]
    await readAsync(b)
    await readAsync(a)
    expect(lines.slice(3)).toEqual([
      ['x f32[1]:', [6]],
      ['x f32[1]:', [8]],
    ])
  })

  test('prints arguments, results, and dtypes of all kinds; leaves them usable', async () => {
    const lines = printed()
    const x = await realizeAsync(tensor([1, 2.5]), device)
    const f = jit(
      (x: Floats) => {
        const y = debugPrint('same')(debugPrint('argument')(x))
        return [y, debugPrint('bool')(gt(y, 2)), debugPrint('bf16')(cast('bf16')(y)), debugPrint('i32')(cast('i32')(y))]
      },
      { device },
    )
    const [y] = f(x)
    expect([...(await readAsync(y as Floats))]).toEqual([1, 2.5])
    expect([...(await readAsync(x))]).toEqual([1, 2.5])
    expect([...lines].sort()).toEqual(
      [
        ['argument f32[2]:', [1, 2.5]],
        ['same f32[2]:', [1, 2.5]],
        ['bool bool[2]:', [0, 1]],
        ['bf16 bf16[2]:', [1, 2.5]],
        ['i32 i32[2]:', [1, 2]],
      ].sort(),
    )
    const donated = jit((x: Floats) => add(debugPrint('given')(x), 1), { device, donate: [0] })
    expect([...(await readAsync(donated(await realizeAsync(tensor([3, 4]), device))))]).toEqual([4, 5])
    expect(lines.at(-1)).toEqual(['given f32[2]:', [3, 4]])
  })

  test('prints each round of loops, of loops within loops, in order', async () => {
    const lines = printed()
    const inner = (c: Scalar): Scalar => foriLoop(2, (_, c: Scalar) => debugPrint('inner')(mul(c, 2)))(c)
    const outer = (xs: Tensor<readonly [number], 'f32'>): Scalar =>
      scan((c: Scalar, v: Scalar) => [inner(debugPrint('outer')(add(c, v))), null] as const)(scalar(0), xs)[0]
    expect([...(await readAsync(jit(outer, { device })(tensor([1, 2]))))]).toEqual([24])
    expect(lines).toEqual([
      ['outer f32[]:', 1],
      ['inner f32[]:', 2],
      ['inner f32[]:', 4],
      ['outer f32[]:', 6],
      ['inner f32[]:', 12],
      ['inner f32[]:', 24],
    ])
  })

  test('prints what the branch that was chosen computes, and nothing of the other', async () => {
    const lines = printed()
    const f = jit(
      (x: Scalar) =>
        cond(
          gt(x, 0),
          (x: Scalar) => debugPrint('above')(mul(x, 2)),
          (x: Scalar) => debugPrint('below')(mul(x, 3)),
        )(x),
      { device },
    )
    expect([...(await readAsync(f(scalar(2))))]).toEqual([4])
    expect([...(await readAsync(f(scalar(-2))))]).toEqual([-6])
    expect(lines).toEqual([
      ['above f32[]:', 4],
      ['below f32[]:', -6],
    ])
  })

  test('in a loop of unknown length it says that it cannot, where it cannot', async () => {
    const lines = printed()
    const f = (x: Scalar): Scalar =>
      whileLoop(
        (c: Scalar) => lt(c, 8),
        (c: Scalar) => debugPrint('c')(mul(c, 2)),
      )(x)
    if (device.kind === 'reference') {
      await readAsync(f(scalar(2)), device)
      expect(lines).toEqual([
        ['c f32[]:', 4],
        ['c f32[]:', 8],
      ])
    } else expect(() => jit(f, { device })(scalar(2))).toThrow(/debugPrint: stands in a loop.*foriLoop or scan/)
  })
})

test.each(devices.filter(({ kind }) => kind !== 'reference'))(
  'a compiled program without it on $kind is what it was; with it, it has one output more and holds no memory after',
  async (device) => {
    const x: Floats = await realizeAsync(tensor([1, 2]), device)
    const silent = jit((x: Floats) => mul(add(x, 1), 2), { device })
    const telling = jit((x: Floats) => mul(debugPrint('x')(add(x, 1)), 2), { device })
    expect(silent.program(x)!.told).toBe(null)
    expect(telling.program(x)!.told?.count).toBe(1)
    const kernels = (f: typeof silent) => f.program(x)!.steps.map((s) => (s.kind === 'kernel' ? s.kernel.name : s.kind))
    expect(kernels(telling)).toEqual(kernels(silent))
    const lines = printed()
    await readAsync(telling(x))
    const before = device.stats().liveBytes
    const y = telling(x)
    await readAsync(y)
    expect(device.stats().liveBytes - before).toBeLessThanOrEqual(2 * 256)
    expect(lines.length).toBe(2)
  },
)
