import { grad, valueAndGrad } from '@adjoint/autograd'
import {
  add,
  cast,
  jit,
  mean,
  readAsync,
  realizeAsync,
  square,
  sub,
  matmul,
  tensor,
  type Tensor,
  type Scalar,
  full,
  mul,
  scalar,
  tree,
} from '@adjoint/tensor'
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { adam } from './adam.ts'
import { castFloats, lossScaling, scaleLoss, withMasters, withStateDType } from './mixed.ts'
import { sgd } from './sgd.ts'
import { applyUpdates, chain, type GradientTransformation, opaque } from './transformation.ts'

type Params = { readonly weight: Tensor<readonly [5, 1], 'f32'>; readonly bias: Tensor<readonly [1], 'f32'> }
const xs = tensor(
  Array.from({ length: 40 }, (_, i) => Math.sin(2.1 * i * i)),
  [8, 5],
)
const target = tensor([1, -2, 0.5, 3, -1], [5, 1])
const start: Params = { weight: full([5, 1], 0.25), bias: full([1], 0.125) }
const loss = (params: Params): Scalar => {
  const { weight, bias } = castFloats('f32')(params)
  return mean()(square(sub(add(matmul(xs, weight), bias), matmul(xs, target))))
}

for (const device of await presentDevices())
  describe(`on ${device.kind}`, () => {
    const read = async (x: Tensor): Promise<readonly number[]> => [...(await readAsync(x, device))]
    const flat = async (t: Params): Promise<readonly number[]> => [...(await read(t.weight)), ...(await read(t.bias))]
    const train = async (
      { init, update }: GradientTransformation,
      params: Params,
      steps: number,
    ): Promise<{ readonly params: Params; readonly state: unknown; readonly loss: number }> => {
      const step = jit(
        (p: Params, s: never) => {
          const [value, g] = valueAndGrad(loss)(p)
          const [u, next] = update(g, s, p)
          return [applyUpdates(p, u), next, value] as const
        },
        { device, donate: [0, 1] },
      )
      let now: Params = params
      let state: unknown = init(params)
      let last = Infinity
      for (let i = 0; i < steps; i++) {
        const [p, s, value] = await realizeAsync(step(now, state as never), device)
        ;[now, state, last] = [p, s, (await read(value))[0]!]
      }
      return { params: now, state, loss: last }
    }

    it('masters of bf16 parameters are what f32 parameters would be where gradients are the same', async () => {
      const optimizer = withMasters(sgd({ learningRate: 1 / 1024 }))
      const half = castFloats('bf16')(start)
      const one: Params = { weight: full([5, 1], 1), bias: full([1], 1) }
      let [params, state] = [half, optimizer.init(half)]
      for (let i = 0; i < 40; i++) {
        const [u, next] = optimizer.update(one, state, params)
        ;[params, state] = await realizeAsync([applyUpdates(params, u), next] as const, device)
      }
      expect(params.weight.dtype).toBe('bf16')
      // 0.25 - 40/1024, and 0.125 less it, are bf16 themselves; alone, each step of 2^-10 would round away from 0.25 on
      expect(await flat(params)).toEqual([...new Array<number>(5).fill(0.2109375), 0.0859375])
      expect(await flat(state.masters as Params)).toEqual([...new Array<number>(5).fill(0.2109375), 0.0859375])
    })

    it('training with bf16 parameters and f32 masters ends where f32 does; parameters stay roundings of the masters', async () => {
      const f32 = await train(opaque(adam({ learningRate: 0.05 })), start, 200)
      const half = await train(opaque(withMasters(adam({ learningRate: 0.05 }))), castFloats('bf16')(start), 200)
      expect(f32.loss).toBeLessThan(1e-3)
      expect(half.loss).toBeLessThan(3e-3)
      const { masters } = half.state as { readonly masters: Params }
      expect(await flat(half.params)).toEqual(await flat(castFloats('f32')(castFloats('bf16')(masters))))
    })

    it('moments kept as bf16 take half of the bytes, keep their dtype and train', async () => {
      const { params, state, loss } = await train(
        opaque(withStateDType('bf16', adam({ learningRate: 0.05 }))),
        start,
        200,
      )
      expect(loss).toBeLessThan(3e-3)
      expect(params.weight.dtype).toBe('f32')
      expect(tree.leaves(state as never).map((x) => x.dtype)).toEqual(['i32', 'bf16', 'bf16', 'bf16', 'bf16', 'i32'])
    })

    it('with f32 the wrappers change nothing', async () => {
      const g = grad(loss)(start)
      const plain = adam({ learningRate: 0.05 })
      const [u] = plain.update(g, plain.init(start), start)
      for (const same of [withStateDType('f32', plain)]) {
        const [v] = same.update(g, same.init(start), start)
        expect(await flat(v)).toEqual(await flat(u))
      }
      const masters = withMasters(plain)
      const [v] = masters.update(g, masters.init(start), start)
      const [a, b] = [await flat(applyUpdates(start, u)), await flat(applyUpdates(start, v))]
      a.forEach((x, i) => expect(Math.abs(x - b[i]!)).toBeLessThan(1e-6))
    })

    it('a scaled loss gives the gradients of the loss, where unscaled they would be 0 in f16', async () => {
      const tiny = (x: Tensor<readonly [2], 'f32'>, factor: Scalar): Scalar =>
        mean()(mul(cast('f32')(cast('f16')(mul(cast('f32')(cast('f16')(mul(x, mul(factor, 1e-8)))), 1))), 1))
      const scaling = lossScaling({ initial: 2 ** 12 })
      const state = scaling.init({ x: scalar(0) })
      const x = tensor([0.5, 2], [2])
      expect(await read(scaleLoss(state)(scalar(0.25)))).toEqual([1024])
      expect((await read(tiny(x, state.factor)))[0]).toBeGreaterThan(0)
      const g = { x: tensor([4096, -2048], [2]) }
      expect(await read(scaling.update(g, state, g)[0].x)).toEqual([1, -0.5])
    })

    it('the factor halves at an infinity or NaN, whose step is left out, and doubles after so many steps without', async () => {
      const optimizer = chain(lossScaling({ initial: 8, growthInterval: 3, largest: 16 }), sgd({ learningRate: 1 }))
      const params = { x: full([2], 1) }
      let state = optimizer.init(params)
      const seen: (readonly number[])[] = []
      for (const v of [8, 8, Infinity, 4, NaN, 2, 2, 2, 4, 4, 4, 8, 8, 8, 8]) {
        const [u, next] = optimizer.update({ x: tensor([v, 1], [2]) }, state, params)
        const [updates, kept] = await realizeAsync([u, next] as const, device)
        state = kept
        seen.push([(await read(updates.x))[0]!, (await read(state[0].factor))[0]!])
      }
      expect(seen.map(([, factor]) => factor)).toEqual([8, 8, 4, 4, 2, 2, 2, 4, 4, 4, 8, 8, 8, 16, 16])
      expect(seen.map(([u]) => Math.abs(u!))).toEqual([1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5])
      expect(() => lossScaling({ initial: 0 })).toThrow(/initial is 0/)
    })
  })

it('integers and keys of a tree stay as they are', () => {
  const count = tensor([1, 2], [2], 'i32')
  expect(castFloats('f16')({ count, x: full([2], 1) }).count).toBe(count)
})
