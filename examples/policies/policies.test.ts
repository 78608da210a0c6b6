// Policies that are no transformers learn by the same steps: a cold start, then GRPO.
import type { steppedLogits } from '@adjoint/rl'
import { policyOf, vocabulary } from '@adjoint/rl'
import { random, readAsync, requestDeviceAsync, tensor } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, describe, expect, test } from 'vitest'
import { gru, mixture, table } from './kinds.ts'
import { kinds } from './train.ts'

const device = await requestDeviceAsync({ kind: 'wasm' })
afterAll(() => device.destroy())

describe('a policy of another kind', () => {
  test.each([
    ['table', 100],
    ['mixture', 40],
    ['gru', 40],
  ])('learns the template by GRPO: %s', { timeout: 120_000 }, async (name, steps) => {
    const trained = await kinds[name]!(device, steps)()
    if (E.isLeft(trained)) throw new Error(JSON.stringify(trained.left))
    const { before, after } = trained.right
    expect(after.formatRate).toBeGreaterThan(before.formatRate)
    expect(after.formatRate).toBeGreaterThan(0.9)
  })

  test('says the same with its prompts padded on the left', async () => {
    const text = vocabulary('0123456789+=')
    const [row, pad] = [[3, 8, 9, 7, 2], 2]
    const ask = async (
      policy: { readonly logits: ReturnType<typeof steppedLogits> },
      params: never,
      padding: number,
    ) => {
      const tokens = tensor(Int32Array.from([...Array<number>(padding).fill(text.pad), ...row]), [
        1,
        row.length + padding,
      ])
      const starts = padding === 0 ? null : tensor(Int32Array.of(padding), [1])
      return readAsync(policy.logits(3)(params, { tokens, starts }), device)
    }
    for (const { decoder, init } of [
      table(text.size),
      mixture(text.size, { width: 4, experts: 2 }),
      gru(text.size, 6),
    ]) {
      const policy = policyOf(decoder as never, text) as { readonly logits: ReturnType<typeof steppedLogits> }
      const params = init(random.key(1)) as never
      const [plain, padded] = [await ask(policy, params, 0), await ask(policy, params, pad)]
      plain.forEach((x, i) => expect(padded[i]).toBeCloseTo(x, 5))
    }
  })

  test('with fewer tokens than its text is refused', () => {
    expect(() => policyOf(table(5).decoder, vocabulary('01'))).toThrow(/the model has 5 tokens, and the text 9/)
  })
})
