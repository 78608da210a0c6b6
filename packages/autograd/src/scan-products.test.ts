// The gradient of a matrix that every round of a scan multiplies with: one product after the loop, where its factors can be had
// there, and a sum in the loop where not. Either way it is that of the rounds written out.
import {
  add,
  matmul,
  mul,
  type Program,
  jit,
  random,
  requestDeviceAsync,
  scan,
  slice,
  sum,
  tanh,
  type Tensor,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkGrads } from './check.ts'
import { grad } from './grad.ts'
import { vmap } from './vmap.ts'

type Floats = Tensor<readonly number[], 'f32'>
const values = (x: Tensor): readonly number[] => [...evaluate([x])[0]!.data]
const draw = (seed: number, shape: readonly number[]): Floats => random.normal({ stddev: 0.7 })(random.key(seed), shape)
const same = (x: readonly number[], y: readonly number[]): void => {
  expect(x.length).toBe(y.length)
  x.forEach((v, i) => expect(v).toBeCloseTo(y[i]!, 6))
}

/** Rounds of different forms: the state times W, the row times W, both, a product that is used twice, W on the left. */
const rounds: Readonly<Record<string, (w: Floats, h: Floats, x: Floats) => Floats>> = {
  state: (w, h, x) => tanh(add(matmul(h, w), x)),
  row: (w, h, x) => add(mul(h, 0.5), tanh(matmul(x, w))),
  both: (w, h, x) => tanh(add(matmul(h, w), matmul(x, w))),
  inner: (w, h, x) => tanh(add(matmul(tanh(mul(h, x)), w), h)),
  twice: (w, h, x) => tanh(add(matmul(tanh(matmul(h, w)), w), x)),
  left: (w, h, x) => tanh(add(matmul(w, matmul(w, add(h, x))), h)),
  fixed: (w, h, x) => add(matmul(w, w), mul(h, x)),
}
const N = 3

test('is the gradient of the rounds written out, in both directions and whatever is kept', () => {
  const cases = fc.record({
    form: fc.constantFrom(...Object.keys(rounds)),
    steps: fc.integer({ min: 1, max: 4 }),
    reverse: fc.boolean(),
    keep: fc.constantFrom('values' as const, 'carries' as const),
    stacked: fc.boolean(),
    seed: fc.integer({ min: 0, max: 99 }),
  })
  fc.assert(
    fc.property(cases, ({ form, steps, reverse, keep, stacked, seed }) => {
      const round = rounds[form]!
      const [w, h, xs] = [draw(seed, [N, N]), draw(seed + 1, [N, N]), draw(seed + 2, [steps, N, N])]
      const folded = (w: Floats): Tensor<readonly [], 'f32'> => {
        const [last, all] = scan(
          (now: Floats, x: Floats) => {
            const next = round(w, now, x)
            return [next, mul(next, x)] as const
          },
          { reverse, keep },
        )(h, xs)
        return stacked ? add(sum()(last), sum()(all)) : sum()(last)
      }
      const unrolled = (w: Floats): Tensor<readonly [], 'f32'> => {
        let now = h
        let total: Tensor<readonly [], 'f32'> = sum()(mul(h, 0))
        for (let i = 0; i < steps; i++) {
          const at = reverse ? steps - 1 - i : i
          const x: Floats = sum({ axis: 0 })(slice([at, 0, 0], [at + 1, N, N])(xs))
          now = round(w, now, x)
          if (stacked) total = add(total, sum()(mul(now, x)))
        }
        return add(total, sum()(now))
      }
      same(values(grad(folded)(w)), values(grad(unrolled)(w)))
    }),
    { seed: 1, numRuns: 80 },
  )
})

test.each(Object.entries(rounds))('of the form %s: second order, and under vmap over the matrix', (_, round) => {
  const [h, xs] = [draw(1, [N, N]), draw(2, [3, N, N])]
  const run = (w: Floats): Floats => scan((now: Floats, x: Floats) => [round(w, now, x), null] as const)(h, xs)[0]
  checkGrads(run, { order: 2 })(draw(3, [N, N]))
  const ws = draw(4, [2, N, N])
  const each = (w: Floats): Floats => grad((w: Floats) => sum()(run(w)))(w)
  const apart = [0, 1].flatMap((i) => values(each(sum({ axis: 0 })(slice([i, 0, 0], [i + 1, N, N])(ws)))))
  same(values(vmap(each)(ws)), apart)
})

test('the product leaves the loop where its rows are small, and stays where they are not kept', async () => {
  const device = await requestDeviceAsync({ kind: 'wasm' })
  const dotsInLoops = (keep: 'values' | 'carries', rows: number): number => {
    const round = (now: Floats, w: Floats): Floats => tanh(matmul(now, w))
    const loss = (w: Floats, h: Floats): Tensor<readonly [], 'f32'> =>
      sum()(scan((now: Floats, _: null) => [round(now, w), null] as const, { keep, length: 5 })(h, null)[0])
    const { steps }: Program = jit(grad(loss), { device }).program(draw(1, [8, 8]), draw(2, [rows, 8]))!
    return steps
      .flatMap((step) => (step.kind === 'loop' ? step.steps : []))
      .filter((step) => step.kind === 'kernel' && step.kernel.kind === 'dot').length
  }
  // forward one, backward one
  expect(dotsInLoops('values', 4)).toBe(2)
  // the rows would be larger than the sum
  expect(dotsInLoops('values', 32)).toBe(3)
  // and here, where little is to be kept, the round is computed once more, too
  expect(dotsInLoops('carries', 4)).toBe(4)
  await device.destroy()
})
