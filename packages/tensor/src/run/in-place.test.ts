/** Small programs in which an update reads what it writes over: each gives what it would if nothing were written in place. */
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import {
  add,
  dynamicUpdateSlice as update,
  flip,
  jit,
  mul,
  readAsync,
  realizeAsync,
  roll,
  scatterAdd,
  slice,
  sub,
  take,
  tensor,
  type Tensor,
} from '../index.ts'

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('%s', (_, device) => {
  const on = <T extends Tensor>(x: T): Promise<T> => realizeAsync(x, device)
  const read = async (x: Tensor): Promise<readonly number[]> => Array.from(await readAsync(x, device))
  const vector = (...xs: readonly number[]): Promise<Tensor<readonly [number], 'f32'>> => on(tensor([...xs]))

  it('a donated operand is read by its own update', async () => {
    const shift = jit((x: Tensor) => update(x, slice([0], [5])(x), [1]), { donate: [0], device })
    expect(await read(shift(await vector(1, 2, 3, 4, 5, 6)))).toEqual([1, 1, 2, 3, 4, 5])
  })

  it('so is one that was made on the way', async () => {
    const x = await vector(1, 2, 3, 4, 5, 6)
    const z = mul(x, 1.5)
    expect(await read(update(z, slice([0], [5])(z), [1]))).toEqual([1.5, 1.5, 3, 4.5, 6, 7.5])
    expect(await read(x)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('a donated operand is read after its update', async () => {
    const change = jit(
      (x: Tensor, u: Tensor) => {
        const z = update(x, u, [1])
        return [z, sub(z, x)]
      },
      { donate: [0], device },
    )
    const [z, difference] = change(await vector(1, 2, 3, 4), await vector(20, 30))
    expect(await read(difference!)).toEqual([0, 18, 27, 0])
    expect(await read(z!)).toEqual([1, 20, 30, 4])
  })

  it('two results over two donated arguments', async () => {
    const both = jit((a: Tensor, b: Tensor) => [add(a, b), mul(a, 2)], { donate: [0, 1], device })
    const [total, double] = both(await vector(1, 2, 3, 4, 5), await vector(10, 20, 30, 40, 50))
    expect(await read(total!)).toEqual([11, 22, 33, 44, 55])
    expect(await read(double!)).toEqual([2, 4, 6, 8, 10])
  })

  it('two donated arguments that change places, one of them turned round', async () => {
    const swap = jit((a: Tensor, b: Tensor) => [flip(0)(b), roll(1)(a)], { donate: [0, 1], device })
    const [x, y] = swap(await vector(1, 2, 3), await vector(10, 20, 30))
    expect([await read(x!), await read(y!)]).toEqual([
      [30, 20, 10],
      [3, 1, 2],
    ])
  })

  it('two updates of one donated operand', async () => {
    const twice = jit((x: Tensor) => [update(x, tensor([9]), [0]), update(x, tensor([8]), [1])], {
      donate: [0],
      device,
    })
    const [first, second] = twice(await vector(1, 2, 3))
    expect([await read(first!), await read(second!)]).toEqual([
      [9, 2, 3],
      [1, 8, 3],
    ])
  })

  it('what is taken from an operand is added to it', async () => {
    const z = mul(await on(tensor([[2, 4]])), 0.5)
    const at = tensor(Int32Array.of(0, 0, 0), [3], 'i32')
    expect(await read(scatterAdd(0)(z, at, take(0)(z, at)))).toEqual([4, 8])
  })
})
