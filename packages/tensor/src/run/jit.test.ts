import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import {
  add,
  exp,
  tril,
  full,
  jit,
  matmul,
  mul,
  readAsync,
  realizeAsync,
  scalar,
  sub,
  sum,
  tensor,
  type Tensor,
  zeros,
} from '../index.ts'

const devices = await presentDevices()
const numbers = async (x: Tensor): Promise<readonly number[]> => Array.from(await readAsync(x), Number)

describe.each(devices.map((device) => [device.kind, device] as const))('jit on %s', (_, device) => {
  it('computes what the function computes, over trees', async () => {
    const f = jit(
      (p: { readonly w: Tensor; readonly b: Tensor }, x: Tensor) => ({ y: add(matmul(x, p.w), p.b), n: [sum()(x)] }),
      {
        device,
      },
    )
    const { y, n } = f({ w: tensor([1, 2, 3, 4], [2, 2]), b: tensor([10, 20], [2]) }, tensor([1, 1], [1, 2]))
    expect(await numbers(y)).toEqual([14, 26])
    expect(await numbers(n[0]!)).toEqual([2])
  })

  it('traces once a signature', async () => {
    let traces = 0
    const f = jit(
      (x: Tensor, k: Tensor) => {
        traces++
        return mul(x, k)
      },
      { device },
    )
    expect(await numbers(f(tensor([1, 2]), scalar(3)))).toEqual([3, 6])
    expect(await numbers(f(tensor([5, 7]), scalar(2)))).toEqual([10, 14])
    expect(traces).toBe(1)
    expect(await numbers(f(tensor([1, 2, 3]), scalar(2)))).toEqual([2, 4, 6])
    expect(traces).toBe(2)
  })

  it('takes results, expressions and closed-over tensors as they come', async () => {
    const held = await realizeAsync(tensor([1, 2]), device)
    const f = jit((x: Tensor) => add(x, held), { device })
    const once = f(tensor([1, 1]))
    expect(await numbers(f(once))).toEqual([3, 5])
    expect(await numbers(f(add(once, 1)))).toEqual([4, 6])
    expect(await numbers(f(held))).toEqual([2, 4])
  })

  it('computes what depends on no argument once, and keeps what is cheap in the kernels', async () => {
    const table = exp(matmul(tensor([1, 2, 3, 4], [2, 2]), tensor([0, 0, 0, 0], [2, 2]))) // ones
    const f = jit((x: Tensor) => add(mul(x, table), tril()(full([2, 2], 1))), { device })
    expect(await numbers(f(tensor([1, 2, 3, 4], [2, 2])))).toEqual([2, 2, 4, 5])
    const program = f.program(tensor([1, 2, 3, 4], [2, 2]))
    if (program === null) return // the reference device interprets
    expect(program.steps).toHaveLength(1)
    expect(program.inputs).toHaveLength(2)
  })

  it('is inlined in another jit', async () => {
    const inner = jit((x: Tensor) => mul(x, 2), { device })
    const outer = jit((x: Tensor) => add(inner(x), inner(inner(x))), { device })
    expect(await numbers(outer(tensor([1, 10])))).toEqual([6, 60])
  })

  it('computes every result of a call before one overwrites an argument', async () => {
    const two = async () =>
      [
        await realizeAsync(tensor([1, 2, 3, 4, 5]), device),
        await realizeAsync(tensor([10, 20, 30, 40, 50]), device),
      ] as const
    const both = jit((a: Tensor, b: Tensor) => [add(a, b), mul(a, 2)], { donate: [0, 1], device })
    const [total, double] = both(...(await two()))
    expect(await numbers(total!)).toEqual([11, 22, 33, 44, 55])
    expect(await numbers(double!)).toEqual([2, 4, 6, 8, 10])
    const crossed = jit((a: Tensor, b: Tensor) => [mul(b, 3), mul(a, 3)], { donate: [0, 1], device })
    const [x, y] = crossed(...(await two()))
    expect(await numbers(x!)).toEqual([30, 60, 90, 120, 150])
    expect(await numbers(y!)).toEqual([3, 6, 9, 12, 15])
  })

  it('overwrites donated arguments, and says so to whoever uses them afterwards', async () => {
    const f = jit((state: Tensor, x: Tensor) => add(state, x), { donate: [0], device })
    const state = await realizeAsync(tensor([1, 2]), device)
    const x = await realizeAsync(tensor([10, 10]), device)
    const next = f(state, x)
    expect(await numbers(next)).toEqual([11, 12])
    expect(() => f(state, x)).toThrow(/f32\[2\] was donated to the call at .*jit\.test\.ts/)
    await expect(async () => readAsync(state)).rejects.toThrow(/f32\[2\] was donated to the call at .*jit\.test\.ts/)
    expect(await numbers(x)).toEqual([10, 10])
  })

  it('a placeholder that escapes has no value', async () => {
    let leaked: Tensor = scalar(0)
    jit(
      (x: Tensor) => {
        leaked = mul(x, 2)
        return x
      },
      { device },
    )(tensor([1]))
    await expect(async () => readAsync(leaked, device)).rejects.toThrow(/jit/)
  })

  it('a thousand steps of training make no object and no byte after the second', async () => {
    const step = jit(
      (w: Tensor, x: Tensor) => {
        const error = sub(matmul(x, w), 1)
        return [sub(w, mul(matmul(x, error), 0.01)), sum()(mul(error, error))] as const
      },
      { donate: [0], device },
    )
    const x = await realizeAsync(full([4, 4], 0.5), device)
    let w: Tensor = await realizeAsync(zeros([4, 4]), device)
    const turn = async (): Promise<number> => {
      const [next, loss] = step(w, x)
      w = next
      return (await readAsync(loss))[0]!
    }
    const first = await turn()
    await turn()
    const before = device.stats()
    let last = first
    for (let i = 0; i < (device.kind === 'reference' ? 10 : 1000); i++) last = await turn()
    const after = device.stats()
    expect(last).toBeLessThan(first)
    if (device.kind === 'reference') return // it interprets: objects are made at every node
    expect(after.created - before.created).toBe(0)
    expect(after.liveBytes - before.liveBytes).toBe(0)
    expect(after.submits - before.submits).toBe(1000)
  })
})
