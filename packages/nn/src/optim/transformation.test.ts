import { full, tensor, tree, type Tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scaleByAdam } from './adam.ts'
import { clipByGlobalNorm } from './clip.ts'
import { addDecayedWeights } from './decay.ts'
import { scale, scaleByLearningRate } from './scale.ts'
import { momentum } from './sgd.ts'
import {
  applyUpdates,
  chain,
  type GradientTransformation,
  identity,
  opaque,
  stateless,
  transformations,
} from './transformation.ts'

const values = (t: Tree): readonly number[] => evaluate(tree.leaves(t)).flatMap((v) => [...v.data])
const params = { weight: tensor([1, -2, 3], [3]), bias: tensor([0.5], [1]) }
const gradients = (k: number) => ({ weight: tensor([k, 2, -1], [3]), bias: tensor([k * k], [1]) })

/** Updates of three steps. */
const run = (t: GradientTransformation): readonly number[] => {
  let state = t.init(params)
  return [1, -2, 0.5].flatMap((k) => {
    const [updates, next] = t.update(gradients(k), state, params)
    state = next
    return values(updates)
  })
}

const links: readonly GradientTransformation[] = [
  opaque(identity),
  opaque(scale(-0.5)),
  opaque(clipByGlobalNorm(1)),
  opaque(addDecayedWeights(0.1)),
  momentum({ decay: 0.9 }),
  momentum({ decay: 0.5, nesterov: true }),
  opaque(scaleByAdam({})),
  opaque(scaleByLearningRate((count) => full(count.shape, 0.1))),
]
const link = fc.constantFrom(...links)
const settings = { seed: 1, numRuns: 40 }

describe('transformations under chain are a monoid', () => {
  const { concat, empty } = transformations

  test('identity on both sides', () => {
    fc.assert(
      fc.property(link, (t) => {
        expect(run(concat(empty, t))).toEqual(run(t))
        expect(run(concat(t, empty))).toEqual(run(t))
      }),
      settings,
    )
  })

  test('association', () => {
    fc.assert(
      fc.property(link, link, link, (a, b, c) => {
        expect(run(concat(concat(a, b), c))).toEqual(run(concat(a, concat(b, c))))
        expect(run(opaque(chain(a, b, c)))).toEqual(run(concat(a, concat(b, c))))
      }),
      settings,
    )
  })

  test('links act from left to right', () => {
    const plusOne = stateless((u) => tree.map((x) => full(x.shape, 1), u))
    expect(values(chain(plusOne, scale(3)).update(params, [null, null], params)[0])).toEqual([3, 3, 3, 3])
    expect(values(chain(scale(3), plusOne).update(params, [null, null], params)[0])).toEqual([1, 1, 1, 1])
  })
})

describe('applyUpdates', () => {
  test('adds leaf by leaf, and keeps absent leaves absent', () => {
    const next = applyUpdates({ ...params, head: null }, { ...gradients(2), head: null })
    expect(values(next)).toEqual([4.5, 3, 0, 2])
    expect(next.head).toBeNull()
  })

  test('trees that differ, and leaves that are no reals, are refused by name', () => {
    expect(() => applyUpdates(params, { weight: params.weight })).toThrow(/trees differ at/)
    const counts = { weight: tensor([1], [1], 'i32') }
    expect(() => applyUpdates(counts, counts)).toThrow(/parameters and updates are floats/)
  })
})

describe('addDecayedWeights', () => {
  test('acts on the leaves that the selection takes, by path or by value', () => {
    const byPath = addDecayedWeights(0.5, (path) => path === 'weight')
    expect(values(byPath.update(gradients(1), null, params)[0])).toEqual([1, 1.5, 1, 0.5])
    const byRank = addDecayedWeights(0.5, (_, leaf) => leaf.shape[0] === 1)
    expect(values(byRank.update(gradients(1), null, params)[0])).toEqual([1.25, 1, 2, -1])
  })
})
