// Blocks computed again in the backward pass: the same values, gradients and samples, less memory, one more forward pass.
import { valueAndGrad } from '@adjoint/autograd'
import { jit, type Program, random, readAsync, tree, wasmDevice, zeros } from '@adjoint/tensor'
import { isRight } from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import { crossEntropy, generator, type Integers, leftPad, llama, transformer } from './index.ts'

const device = wasmDevice()
const [ROWS, LENGTH] = [8, 64]
const config = (layers: number) =>
  llama({ vocab: 24, width: 32, layers, heads: 4, kvHeads: 2, hidden: 80, context: LENGTH + 8 })
const ids = (seed: number): Integers => random.randint(0, 24)(random.key(seed), [ROWS, LENGTH])

const stepOf = (layers: number, checkpoint: boolean) => {
  const model = transformer(config(layers), { checkpoint })
  const params = model.init(random.key(0))
  const step = jit(
    valueAndGrad((p: typeof params, x: Integers, y: Integers) => crossEntropy(model.apply(p)(x), y)),
    { device },
  )
  return { model, params, step }
}

test('loss and gradients are those of the model that keeps all', async () => {
  const [kept, again] = [stepOf(3, false), stepOf(3, true)]
  const [[loss, grads], [lossAgain, gradsAgain]] = [
    kept.step(kept.params, ids(1), ids(2)),
    again.step(again.params, ids(1), ids(2)),
  ]
  expect((await readAsync(lossAgain))[0]).toBe((await readAsync(loss))[0])
  for (const [i, g] of tree.leaves(grads).entries()) {
    const [want, got] = [await readAsync(g), await readAsync(tree.leaves(gradsAgain)[i]!)]
    want.forEach((x, j) => expect(got[j]).toBeCloseTo(x, 6))
  }
})

test('a layer more costs a fourth of the memory, and one forward pass of kernels more', () => {
  const none = zeros([ROWS, LENGTH], 'i32')
  const kernelsOf = ({ steps }: Program): number => steps.filter(({ kind }) => kind === 'kernel').length
  const planOf = (layers: number, checkpoint: boolean) => {
    const { model, step, params } = stepOf(layers, checkpoint)
    const program = step.program(params, none, none)!
    const forward = jit((p: typeof params, x: Integers) => model.apply(p)(x), { device }).program(params, none)!
    return { live: program.live, kernels: kernelsOf(program), forward: kernelsOf(forward) }
  }
  const layer = (checkpoint: boolean) => {
    const [few, many] = [planOf(2, checkpoint), planOf(6, checkpoint)]
    const each = (of: keyof typeof few): number => (many[of] - few[of]) / 4
    return { live: each('live'), kernels: each('kernels'), forward: each('forward') }
  }
  const [kept, again] = [layer(false), layer(true)]
  expect(again.live).toBeLessThan(kept.live / 4)
  expect(again.kernels - kept.kernels).toBeLessThanOrEqual(kept.forward)
})

test('generation draws the same tokens', async () => {
  const prompts = leftPad({ pad: 0 })([[5, 6], [7]])
  const drawn = async (checkpoint: boolean) => {
    const { model, params } = stepOf(2, checkpoint)
    const outcome = await generator(model, { maxTokens: 6, device })(params, prompts, random.key(3))()
    if (!isRight(outcome)) throw new Error(outcome.left.message)
    return readAsync(outcome.right.tokens)
  }
  expect(await drawn(true)).toEqual(await drawn(false))
})

test('a misspelt option is an error', () => {
  // @ts-expect-error: an option that is none
  expect(() => transformer(config(1), { checkpoints: true })).toThrow(/checkpoints/)
})
