/** Derivatives of what is stored as f16 or bf16: cotangents and tangents are f32, and those of the f32 that it is computed with. */
import {
  add,
  cast,
  concat,
  exp,
  foriLoop,
  jit,
  matmul,
  mul,
  readAsync,
  realizeAsync,
  scan,
  slice,
  square,
  stack,
  sum,
  take,
  takeAlongAxis,
  tanh,
  tensor,
  type Tensor,
  topK,
  transpose,
  where,
  gt,
} from '@adjoint/tensor'
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { checkpoint, customJvp, customVjp, grad, hvp, jvp, vjp, vmap } from './index.ts'

type X = Tensor<readonly [3, 4], 'f32'>
type Half = 'f16' | 'bf16'
const data = Array.from({ length: 12 }, (_, i) => Math.sin(1.3 * i * i) + 0.1)
const weights = tensor(
  data.slice(0, 8).map((v) => 0.5 - v),
  [4, 2],
)

/** Functions of a matrix that move, store and compute. */
const functions: Readonly<Record<string, (x: X) => Tensor<readonly [], 'f32'>>> = {
  arithmetic: (x) => sum()(mul(exp(x), add(x, 1))),
  product: (x) => sum()(square(matmul(x, weights))),
  movement: (x) => sum()(mul(transpose()(concat(0)([x, slice([0, 0], [2, 4])(x)])), 3)),
  gather: (x) => sum()(square(take(1)(x, tensor([2, 0, 2], 'i32')))),
  along: (x) => sum()(square(takeAlongAxis(1)(x, tensor([[1], [0], [3]], 'i32')))),
  choice: (x) => sum()(where(gt(x, 0), square(x), mul(x, 0.25))),
  order: (x) =>
    sum()(
      mul(
        topK(2)(x).values,
        tensor([
          [1, 10],
          [2, 20],
          [3, 30],
        ]),
      ),
    ),
  loop: (x) => sum()(foriLoop(3, (_, c: X) => tanh(mul(c, 1.5)))(add(x, 0))),
  rows: (x) => {
    type Row = Tensor<readonly [4], 'f32'>
    const [, rows] = scan((c: Row, row: Row) => [add(mul(c, 0.5), row), mul(c, row)] as const)(sum({ axis: 0 })(x), x)
    return sum()(rows)
  },
  kept: (x) => sum()(checkpoint((y: X) => square(exp(y)))(x)),
  byHand: customVjp(
    (x: X) => sum()(square(x)),
    (x: X) => [sum()(square(x)), x],
    (x, ct) => [mul(mul(x, 2), ct)],
  ),
  byHandForward: customJvp(
    (x: X) => sum()(exp(x)),
    ([x], [t]) => [sum()(exp(x)), sum()(mul(exp(x), t))],
  ),
}

for (const device of await presentDevices())
  describe.each<Half>(['f16', 'bf16'])(`%s on ${device.kind}`, (dtype) => {
    const read = async (x: Tensor): Promise<readonly number[]> => [...(await readAsync(x, device))]
    const stored = (): Promise<Tensor> => realizeAsync(cast(dtype)(tensor(data, [3, 4])), device)
    /** What is stored stands where an f32 is expected: its values, types aside. */
    const as32 = (x: Tensor): X => x as X
    const near = (got: readonly number[], wanted: readonly number[]): void => {
      wanted.forEach((v, i) => expect(Math.abs(got[i]! - v)).toBeLessThanOrEqual(2e-5 * (1 + Math.abs(v))))
      expect(got.length).toBe(wanted.length)
    }

    for (const [name, f] of Object.entries(functions))
      it(`${name}: gradient, tangent, second derivative and batch are those at the same numbers in f32`, async () => {
        const x = as32(await stored())
        const same = cast('f32')(x)
        const [g, v] = [grad(f)(x), cast('f32')(add(x, 0.5))]
        expect(g.dtype).toBe('f32')
        near(await read(g), await read(grad(f)(same)))
        near(await read(jit(grad(f), { device })(x)), await read(g))
        const [[, dy], [, wanted]] = [jvp(f)(x, v), jvp(f)(same, v)]
        near(await read(dy), await read(wanted))
        near(await read(vmap(f)(twice(x))), await read(vmap(f)(twice(same))))
        if (name !== 'byHand') near(await read(hvp(f)(x, v)), await read(hvp(f)(same, v)))
      })

    it('a cast to it passes cotangents as they are, in f32', async () => {
      const x = tensor([0.1, 1 / 3, 2])
      const [y, pullback] = vjp((x: Tensor<readonly [number], 'f32'>) => cast(dtype)(x))(x)
      expect(y.dtype).toBe(dtype)
      const ct = pullback(tensor([0.1, 0.2, 0.3]))
      expect(await read(ct)).toEqual([...Float32Array.of(0.1, 0.2, 0.3)])
      expect(() => pullback(cast(dtype)(tensor([0.1, 0.2, 0.3])) as never)).toThrow(/f32 for f16 and bf16/)
    })
  })

/** [2, 3, 4] */
const twice = (x: X): Tensor<readonly [number, 3, 4], 'f32'> => stack()([x, x])
