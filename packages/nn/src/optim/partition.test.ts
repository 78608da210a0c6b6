import { tensor, tree, type Tree, zeros } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accumulate } from './accumulate.ts'
import { adamW } from './adam.ts'
import { clipByGlobalNorm } from './clip.ts'
import { addDecayedWeights } from './decay.ts'
import { injectHyperparams } from './inject.ts'
import { lion } from './lion.ts'
import { masked, partition, setToZero } from './partition.ts'
import { scale } from './scale.ts'
import { sgd } from './sgd.ts'
import { follow, leavesOf, problems, values } from './steps.support.ts'
import { chain, type GradientTransformation, identity, opaque } from './transformation.ts'

const inners: readonly GradientTransformation[] = [
  opaque(adamW({ learningRate: 0.25, weightDecay: 0.5 })),
  opaque(chain(clipByGlobalNorm(1), sgd({ learningRate: 0.5, momentum: 0.5 }))),
  opaque(lion({ learningRate: 0.25 })),
]
const inner = fc.constantFrom(...inners)
const settings = { seed: 1, numRuns: 40 }

describe('masked', () => {
  test('all in is the inner one, state and all; all out is the identity, without state', () => {
    fc.assert(
      fc.property(problems, inner, ({ start, steps }, optimizer) => {
        const [params, gradients] = [leavesOf(start), steps.map(leavesOf)]
        const run = (t: GradientTransformation) => values(follow(t, params, gradients))
        for (const all of [true, () => true] as const) expect(run(masked(all)(optimizer))).toEqual(run(optimizer))
        for (const none of [false, () => false] as const) {
          const out = masked(none)(optimizer)
          expect(values(follow(out, params, gradients)[0])).toEqual(values(follow(identity, params, gradients)[0]))
          expect(tree.size(out.init(params))).toBeLessThanOrEqual(2) // counts alone
        }
      }),
      settings,
    )
  })

  test('is the inner one on the leaves that it takes, as if there were no others', () => {
    fc.assert(
      fc.property(problems, inner, fc.nat(7), ({ start, steps }, optimizer, bits) => {
        const names = Object.keys(start).sort()
        const takes = (name: string): boolean => ((bits >> names.indexOf(name)) & 1) === 1
        const part = <T>(given: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
          Object.fromEntries(Object.entries(given).filter(([name]) => takes(name)))
        const [whole] = follow(masked((path) => takes(path))(optimizer), leavesOf(start), steps.map(leavesOf))
        const [alone] = follow(
          optimizer,
          leavesOf(part(start)),
          steps.map((g) => leavesOf(part(g))),
        )
        expect(values(part(whole))).toEqual(values(alone))
        const byTree = masked(Object.fromEntries(names.map((name) => [name, takes(name)])))(optimizer)
        expect(values(follow(byTree, leavesOf(start), steps.map(leavesOf)))).toEqual(
          values(follow(masked((path) => takes(path))(optimizer), leavesOf(start), steps.map(leavesOf))),
        )
      }),
      settings,
    )
  })

  test('one mark stands for all below it; absent leaves need none', () => {
    const params = { body: [tensor([1]), { deep: tensor([2]) }], head: tensor([3]), none: null, 'a.b': tensor([4]) }
    const half = masked({ body: true, head: false, 'a.b': true })(scale(0.5))
    const [updates, state] = half.update(params, half.init(params), params)
    expect(values(updates)).toEqual([2, 0.5, 1, 3])
    expect(updates.none).toBeNull()
    expect(state).toBeNull()
    expect(
      values(masked({ body: [false, true], head: true, 'a.b': false })(scale(0.5)).update(params, null, params)[0]),
    ).toEqual([4, 1, 1, 1.5])
  })

  test('leaves left out may be of any dtype', () => {
    const params = { w: tensor([1]), steps: tensor([7], [1], 'i32') }
    const optimizer = masked((_, leaf) => leaf.dtype === 'f32')(adamW({ learningRate: 0.5, weightDecay: 0 }))
    const [updates] = optimizer.update(params, optimizer.init(params), params)
    expect(updates.steps).toBe(params.steps)
    expect(() => adamW({ learningRate: 0.5 }).init(params)).toThrow(/parameters and updates are floats/)
  })

  test.each([
    [{ w: true }, /masked: there is no mark for the parameters at b/],
    [{ w: true, b: true, c: true }, /there is a mark for c, and no parameter at the root/],
    [{ w: true, b: { deep: true } }, /there are marks of another structure for a parameter at b/],
    [[true, true], /no lists of one length at the root/],
    [null, /no mark for the parameters at the root/],
  ])('a mask of another structure says where: %j', (mask, message) => {
    const params = { w: tensor([1]), b: tensor([1]) }
    expect(() => masked(mask as Parameters<typeof masked>[0])(scale(1)).init(params)).not.toThrow(/undefined/)
    expect(() => masked(mask as Parameters<typeof masked>[0])(scale(1)).update(params, null, params)).toThrow(message)
  })

  test('an inner one that loses updates is refused', () => {
    const broken: GradientTransformation<null> = { init: () => null, update: () => [[] as never, null] }
    const params = { w: tensor([1]), b: tensor([1]) }
    expect(() => masked(true)(broken).update(params, null, params)).toThrow(/returned 0 updates for its 2/)
  })

  test('decay by a tree of truth values', () => {
    const params = { body: [tensor([2]), tensor([4])], head: tensor([6]) }
    const decayed = addDecayedWeights(0.5, { body: [true, false], head: true }).update(params, null, params)[0]
    expect(values(decayed)).toEqual([3, 4, 9])
  })
})

describe('partition', () => {
  test('with one label is the inner one', () => {
    fc.assert(
      fc.property(problems, inner, ({ start, steps }, optimizer) => {
        const [params, gradients] = [leavesOf(start), steps.map(leavesOf)]
        for (const labels of ['only', () => 'only' as const] as const)
          expect(values(follow(partition({ only: optimizer })(labels), params, gradients))).toEqual(
            values(follow(optimizer, params, gradients)),
          )
      }),
      settings,
    )
  })

  test('is masks in a chain, in any order', () => {
    fc.assert(
      fc.property(problems, inner, inner, fc.nat(7), ({ start, steps }, first, second, bits) => {
        const takes = (path: string): boolean => ((bits >> Number(path.slice(4))) & 1) === 1
        const [params, gradients] = [leavesOf(start), steps.map(leavesOf)]
        const run = (t: GradientTransformation) => values(follow(t, params, gradients)[0])
        const parted = partition({ first, second })((path) => (takes(path) ? 'first' : 'second'))
        const swapped = partition({ second, first })((path) => (takes(path) ? 'first' : 'second'))
        const chained = chain(masked(takes)(first), masked((path) => !takes(path))(second))
        expect(run(opaque(parted))).toEqual(run(opaque(chained)))
        expect(run(opaque(swapped))).toEqual(run(opaque(chained)))
      }),
      settings,
    )
  })

  test('setToZero freezes, NaN gradients included', () => {
    const optimizer = partition({ train: scale(-1), freeze: setToZero })({ a: 'freeze', b: 'train' })
    const grads = { a: tensor([NaN]), b: tensor([2]) }
    expect(values(optimizer.update(grads, optimizer.init(grads), grads)[0])).toEqual([0, -2])
  })

  test('the state of each holds nothing for the leaves of the others', () => {
    const params = { w: zeros([100]), b: zeros([3]) }
    const state = partition({ adam: adamW({ learningRate: 1 }), sgd: sgd({ learningRate: 1 }) })({
      w: 'sgd',
      b: 'adam',
    }).init(params)
    expect(tree.size(state)).toBe(3 + 3 + 1 + 1 + 1)
  })

  test('a label without a transformation, and a state of another, are refused', () => {
    const params = { w: tensor([1]) }
    const stray = partition({ a: scale(1), b: scale(1) })
    expect(() => stray(() => 'c' as 'a').init(params)).toThrow(
      /the label of w is c, and there are transformations for \{a, b\}/,
    )
    expect(() => stray('a').update(params, null as never, params)).toThrow(/partition: the state is null/)
  })
})

test('extra arguments reach every depth', () => {
  const seen: (number | Tree | undefined)[] = []
  const spy: GradientTransformation<null> = {
    init: () => null,
    update: (updates, state, _, extra) => {
      seen.push(extra?.['mine'])
      return [updates, state]
    },
  }
  const g = { w: tensor([1]) }
  const deep = chain(masked(true)(spy), partition({ all: opaque(spy) })('all'), opaque(spy))
  deep.update(g, deep.init(g), g, { mine: 7 })
  expect(seen).toEqual([7, 7, 7])
  const waiting = accumulate({ every: 1 })(injectHyperparams({})(() => spy))
  const [, state] = waiting.update(g, waiting.init(g), g, { mine: 8, weight: 3 })
  waiting.flush(state, g, { mine: 9 })
  expect(seen.slice(3)).toEqual([8, 9])
})
