import { readAsync, type Tensor, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawTokens } from './sample.ts'

const read = async (x: Tensor): Promise<readonly number[]> => [...(await readAsync(x))]

describe('min-p', () => {
  test('keeps what is likely enough, as a sort and a sum would say', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 6, maxLength: 6 }),
        fc.constantFrom(0.02, 0.3, 1),
        fc.constantFrom(undefined, 3),
        fc.constantFrom(1, 0.7),
        async (given, minP, topK, topP) => {
          const logits = given.map(Math.fround)
          const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b)
          const top = order.slice(0, topK ?? 6)
          const weights = top.map((i) => Math.exp(logits[i]! - logits[order[0]!]!))
          const total = weights.reduce((a, b) => a + b, 0)
          let before = 0
          const kept = top.filter((_, i) => {
            const stays = before < topP - 1e-6
            fc.pre(Math.abs(before - topP) > 1e-4 || topP === 1)
            before += weights[i]! / total
            return stays
          })
          const likely = kept.filter((i) => Math.exp(logits[i]! - logits[order[0]!]!) >= minP)
          fc.pre(kept.every((i) => Math.abs(Math.exp(logits[i]! - logits[order[0]!]!) - minP) > 1e-4 || i === order[0]))
          const sum = likely.reduce((all, i) => all + Math.exp(logits[i]!), 0)
          // noise that makes one of them win, each in turn
          for (const i of logits.keys()) {
            const noise = tensor(
              Float32Array.from(logits, (_, j) => (j === i ? 100 : 0)),
              [1, 6],
            )
            const { tokens, logp } = drawTokens({ minP, topP, ...(topK !== undefined && { topK }) })(
              noise,
              tensor(Float32Array.from(logits), [1, 6]),
            )
            if (likely.includes(i)) {
              expect(await read(tokens)).toEqual([i])
              expect((await read(logp))[0]).toBeCloseTo(Math.log(Math.exp(logits[i]!) / sum), 4)
            } else expect(likely).toContain((await read(tokens))[0])
          }
        },
      ),
      { seed: 2, numRuns: 40 },
    )
  })
  test.each([-0.1, 1.1, NaN])('%d is refused', (minP) => {
    expect(() => drawTokens({ minP })).toThrow(/minP is/)
  })
})
