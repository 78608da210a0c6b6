import { checkGrads, grad } from '@adjoint/autograd'
import { dense, type Floats, leftPad, transformer } from '@adjoint/nn'
import { random, type Scalar, sum, tensor, type Tree, tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RewardInput, rewardModel, type RewardModelParams } from './reward-model.ts'

const values = (x: Floats | Scalar): readonly number[] => Array.from(evaluate([x])[0]!.data)
const VOCAB = 7
const CONTEXT = 9
const trunks = {
  learned: transformer({ vocab: VOCAB, width: 8, layers: 1, heads: 2, context: CONTEXT }),
  rope: transformer({
    vocab: VOCAB,
    width: 8,
    layers: 2,
    heads: 2,
    context: CONTEXT,
    norm: 'rms',
    positions: 'rope',
    mlp: 'swiglu',
    tiedHead: false,
  }),
}
const model = rewardModel(trunks.learned)
const params = model.init(random.key(3))

const sequence = fc.array(fc.nat({ max: VOCAB - 1 }), { minLength: 1, maxLength: 6 })
const batch = fc.array(sequence, { minLength: 1, maxLength: 4 })
const right = (rows: readonly (readonly number[])[], width: number, fill: (i: number) => number): RewardInput => ({
  tokens: tensor(
    Int32Array.from(rows.flatMap((r, b) => [...r, ...Array.from({ length: width - r.length }, (_, i) => fill(b + i))])),
    [rows.length, width],
  ),
  starts: null,
  ends: tensor(
    Int32Array.from(rows, (r) => r.length - 1),
    [rows.length],
  ),
})
const alone = (m: typeof model, p: RewardModelParams, row: readonly number[]): number =>
  values(m.score(p)({ tokens: tensor(Int32Array.from(row), [1, row.length]), starts: null, ends: null }))[0]!
const near = (xs: readonly number[], ys: readonly number[]): void => {
  expect(xs).toHaveLength(ys.length)
  xs.forEach((x, i) => expect(x).toBeCloseTo(ys[i]!, 9))
}

describe.each(Object.entries(trunks))('a reward model on a trunk with %s positions', (_, trunk) => {
  const m = rewardModel(trunk)
  const p = m.init(random.key(3))
  test('scores a padded row as the row alone: width, side and content of the padding change nothing', () => {
    fc.assert(
      fc.property(batch, fc.nat({ max: 3 }), fc.nat({ max: VOCAB - 1 }), (rows, extra, fill) => {
        const width = Math.max(...rows.map((r) => r.length)) + extra
        const expected = rows.map((row) => alone(m, p, row))
        near(values(m.score(p)(right(rows, width, (i) => (fill + i) % VOCAB))), expected)
        const { tokens, starts } = leftPad({ pad: fill, width })(rows)
        near(values(m.score(p)({ tokens, starts, ends: null })), expected)
      }),
      { seed: 1, numRuns: 12 },
    )
  })
})

describe('a reward model', () => {
  test('reads the reward at the last token of what it says at each', () => {
    const rows = [
      [1, 4, 2],
      [1, 5, 5, 2],
    ]
    const input = right(rows, 6, () => 0)
    const said = values(model.columns(params)(input))
    expect(values(model.score(params)(input))).toEqual([said[2], said[6 + 3]])
    expect(alone(model, params, [1, 4, 2])).not.toBeCloseTo(alone(model, params, [1, 4, 3]), 3)
  })

  test('has gradients at what stands before the end, and none at what stands after it', () => {
    const rows = [
      [1, 4, 2],
      [1, 5, 2],
    ]
    const input = right(rows, 6, () => 6)
    const loss = (p: RewardModelParams): Scalar => sum()(model.score(p)(input))
    const { trunk, head } = grad(loss)(params)
    const byToken = values(trunk.embedding)
    const moved = (token: number): boolean => byToken.slice(token * 8, token * 8 + 8).some((g) => g !== 0)
    expect([1, 2, 4, 5].map(moved)).toEqual([true, true, true, true])
    expect([0, 3, 6].map(moved)).toEqual([false, false, false])
    expect(values(dense(head.weight)).some((g) => g !== 0)).toBe(true)
    checkGrads(loss as (p: RewardModelParams) => Tree, { order: 1, eps: 2 ** -18, rtol: 1e-4 })(params)
  })

  test('starts from a policy, or from a trunk of its own; its first rewards are of the order of 1', () => {
    const policy = trunks.learned.init(random.key(8))
    const from = model.init(random.key(3), policy)
    expect(from.trunk).toBe(policy)
    expect(values(dense(from.head.weight))).toEqual(values(dense(params.head.weight)))
    expect(from.head.bias).toBeNull()
    expect(tree.leaves(params.trunk).length).toBe(tree.leaves(policy).length)
    const spread = Math.hypot(...values(dense(rewardModel(trunks.rope).init(random.key(1)).head.weight))) / Math.sqrt(8)
    expect(spread).toBeGreaterThan(0.1)
    expect(spread).toBeLessThan(0.7)
  })

  test('refuses what does not fit its context', () => {
    expect(() => alone(model, params, Array<number>(CONTEXT + 1).fill(1))).toThrow(/longer than the context/)
  })
})
