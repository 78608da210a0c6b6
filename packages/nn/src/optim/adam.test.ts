import { tensor, tree, type Tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { adam, adamW } from './adam.ts'
import { linearSchedule } from './schedule.ts'
import { sgd } from './sgd.ts'
import { applyUpdates, type GradientTransformation } from './transformation.ts'

const values = (t: Tree): readonly number[] => evaluate(tree.leaves(t)).flatMap((v) => [...v.data])

interface Params {
  readonly [name: string]: ReturnType<typeof leaf>
}
const leaf = (data: readonly number[]) => tensor(data, [data.length])
const treeOf = (data: readonly number[]): Params => ({ a: leaf(data.slice(0, 1)), b: leaf(data.slice(1)) })

/** Parameters after each step of an optimizer. */
const run = <S extends Tree>(
  optimizer: GradientTransformation<S>,
  start: readonly number[],
  steps: readonly (readonly number[])[],
): readonly (readonly number[])[] => {
  let params = treeOf(start)
  let state = optimizer.init(params)
  return steps.map((g) => {
    const [updates, next] = optimizer.update(treeOf(g), state, params)
    params = applyUpdates(params, updates)
    state = next
    return values(params)
  })
}

const close = (xs: readonly (readonly number[])[], ys: readonly (readonly number[])[]): void => {
  expect(xs).toHaveLength(ys.length)
  xs.forEach((x, i) => x.forEach((v, j) => expect(v).toBeCloseTo(ys[i]![j]!, 5)))
}

// Numbers that are exact in single precision.
const eighths = fc.integer({ min: -40, max: 40 }).map((n) => n / 8)
const problem = fc.integer({ min: 2, max: 4 }).chain((n) => {
  const row = fc.array(eighths, { minLength: n, maxLength: n })
  return fc.record({ start: row, steps: fc.array(row, { minLength: 1, maxLength: 5 }) })
})

/** AdamW, written out for numbers. */
const plainAdamW =
  ({ lr, b1, b2, eps, decay }: Readonly<Record<'lr' | 'b1' | 'b2' | 'eps' | 'decay', number>>) =>
  (start: readonly number[], steps: readonly (readonly number[])[]): readonly (readonly number[])[] => {
    const [p, m, v] = [[...start], start.map(() => 0), start.map(() => 0)]
    return steps.map((g, i) => {
      g.forEach((gj, j) => {
        m[j] = b1 * m[j]! + (1 - b1) * gj
        v[j] = b2 * v[j]! + (1 - b2) * gj * gj
        const [mHat, vHat] = [m[j] / (1 - b1 ** (i + 1)), v[j] / (1 - b2 ** (i + 1))]
        p[j] = p[j]! - lr * (mHat / (Math.sqrt(vHat) + eps) + decay * p[j]!)
      })
      return [...p]
    })
  }

describe('adam and adamW', () => {
  test('are the algorithms written out', () => {
    fc.assert(
      fc.property(problem, ({ start, steps }) => {
        const own = { b1: 0.9, b2: 0.95, eps: 1e-8 }
        close(
          run(adamW({ learningRate: 0.125, weightDecay: 0.1, ...own }), start, steps),
          plainAdamW({ lr: 0.125, decay: 0.1, ...own })(start, steps),
        )
        close(
          run(adam({ learningRate: 0.125 }), start, steps),
          plainAdamW({ lr: 0.125, decay: 0, b1: 0.9, b2: 0.999, eps: 1e-8 })(start, steps),
        )
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  test('decay leaves out what the selection leaves out', () => {
    const decayed = run(adamW({ learningRate: 1, weightDecay: 0.5, decays: (path) => path === 'b' }), [4, 4], [[0, 0]])
    close(decayed, [[4, 2]])
  })

  test('the learning rate may be a schedule', () => {
    const fading = adam({ learningRate: linearSchedule({ from: 1, to: 0, steps: 2 }), eps: 0 })
    close(
      run(
        fading,
        [0, 0],
        [
          [1, -1],
          [1, -1],
          [1, -1],
        ],
      ),
      [
        [-1, 1],
        [-1.5, 1.5],
        [-1.5, 1.5],
      ],
    )
  })

  test('the state is a tree: count, and two moments of the structure of the parameters', () => {
    const params = treeOf([1, 2, 3])
    const [{ count, mu, nu }] = adamW({ learningRate: 1 }).init(params)
    expect(count.dtype).toBe('i32')
    for (const moment of [mu, nu]) expect(tree.structure(moment).key).toBe(tree.structure(params).key)
  })
})

describe('sgd', () => {
  const plain =
    (lr: number, decay: number, nesterov: boolean) =>
    (start: readonly number[], steps: readonly (readonly number[])[]): readonly (readonly number[])[] => {
      const [p, t] = [[...start], start.map(() => 0)]
      return steps.map((g) => {
        g.forEach((gj, j) => {
          t[j] = gj + decay * t[j]!
          p[j] = p[j]! - lr * (nesterov ? gj + decay * t[j] : t[j])
        })
        return [...p]
      })
    }

  test('with and without momentum is the recurrence written out', () => {
    fc.assert(
      fc.property(problem, fc.boolean(), ({ start, steps }, nesterov) => {
        close(
          run(sgd({ learningRate: 0.25, momentum: 0.9, nesterov }), start, steps),
          plain(0.25, 0.9, nesterov)(start, steps),
        )
        close(run(sgd({ learningRate: 0.25 }), start, steps), plain(0.25, 0, false)(start, steps))
      }),
      { seed: 2, numRuns: 40 },
    )
  })
})
