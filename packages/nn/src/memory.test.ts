/** The memory of a training step, as its schedule says: of micro-batches written out one after another, and of its arena. */
import { valueAndGrad } from '@adjoint/autograd'
import { add, explain, jit, random, slice, type Tensor, tree, wasmDevice, zeros } from '@adjoint/tensor'
import { expect, it } from 'vitest'
import { adamW, applyUpdates, crossEntropy, gpt2, transformer } from './index.ts'

const device = wasmDevice()
const [LENGTH, ROWS] = [16, 32]
const model = transformer(gpt2({ vocab: 32, width: 16, layers: 2, heads: 2, context: LENGTH }))
const optimizer = adamW({ learningRate: 1e-3 })
type Params = ReturnType<typeof model.init>
type Ids = Tensor<readonly number[], 'i32'>
const loss = (params: Params, x: Ids, y: Ids) => crossEntropy(model.apply(params)(x), y)

/** The program of a step whose gradient is the sum over `n` micro-batches of `ROWS` rows. */
const stepOf = (n: number) => {
  const params = model.init(random.key(0))
  const step = jit(
    (p: Params, state: ReturnType<typeof optimizer.init>, x: Ids, y: Ids) => {
      const parts = Array.from({ length: n }, (_, i) => {
        const part = slice([i * ROWS, 0], [(i + 1) * ROWS, LENGTH])
        return valueAndGrad(loss)(p, part(x), part(y))
      })
      const [value, grads] = parts.reduce(([v, g], [w, h]) => [add(v, w), tree.map((a, b) => add(a, b), g, h)])
      const [updates, next] = optimizer.update(grads, state, p)
      return [value, applyUpdates(p, updates), next] as const
    },
    { donate: [0, 1], device },
  )
  const ids = zeros([n * ROWS, LENGTH], 'i32')
  return step.program(params, optimizer.init(params), ids, ids)!
}

it('eight micro-batches of the same rows need little more than one', () => {
  const bytes = (n: number): number => stepOf(n).slabs.reduce((a, b) => a + b, 0)
  expect(bytes(8)).toBeLessThanOrEqual(1.3 * bytes(1))
})

it('the arena of a step is close to what lives in it at one time, and explain tells both', () => {
  const program = stepOf(1)
  const arena = program.slabs.reduce((a, b) => a + b, 0)
  expect(arena).toBeLessThanOrEqual(1.15 * program.live)
  expect(explain(program)).toMatch(/arena [\d.]+[kM]B, of which [\d.]+[kM]B live at one time \(1\.\d+x\)/)
})
