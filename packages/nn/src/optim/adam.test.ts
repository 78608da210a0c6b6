import { presentDevices } from '@adjoint/testing'
import { type Device, readAsync, scalar, tensor, tree, type Tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { adam, adamW, scaleByAdam } from './adam.ts'
import { constantSchedule, cosineSchedule, linearSchedule } from './schedule.ts'
import { sgd } from './sgd.ts'
import { applyUpdates, type GradientTransformation } from './transformation.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

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

describe('at the edges', () => {
  const after = (g: readonly number[], steps: number) => {
    const optimizer = adam({ learningRate: 1 })
    const params = treeOf([0, 0, 0])
    let state = optimizer.init(params)
    let updates: Tree = params
    for (let i = 0; i < steps; i++) [updates, state] = optimizer.update(treeOf(g), state, params)
    return updates
  }
  const read = async (t: Tree, device: Device) =>
    (await Promise.all(tree.leaves(t).map((x) => readAsync(x, device)))).flatMap((x) => [...x])

  test('huge gradients move a parameter as their sign says, tiny ones and 0 do not make NaN', async () => {
    for (const device of devices) {
      const huge = await read(after([1e30, -1e20, 3e38], 3), device)
      ;[-1, 1, -1].forEach((u, i) => expect(huge[i]).toBeCloseTo(u, 4))
      const tiny = await read(after([1e-25, 0, -1e-36], 3), device)
      tiny.forEach((u) => expect(Math.abs(u)).toBeLessThan(1e-15))
    }
  })

  test('NaN and infinite gradients are seen', async () => {
    for (const device of devices) {
      const [nan, infinite, fine] = await read(after([NaN, Infinity, 1], 1), device)
      expect([nan, infinite]).toEqual([NaN, NaN])
      expect(fine).toBeCloseTo(-1, 5)
    }
  })

  test('at the millionth step the bias is corrected by 1', () => {
    const optimizer = adam({ learningRate: 1 })
    const params = treeOf([0, 0])
    const [[, counted], late] = [optimizer.init(params), scalar(1_000_000, 'i32')]
    const state = [{ count: late, mu: treeOf([0.9, 0]), nu: treeOf([0.81, 0]) }, counted] as const
    const [updates] = optimizer.update(treeOf([0.9, 0]), state, params)
    expect(values(updates)[0]).toBeCloseTo(-1, 5)
    expect(values(updates)[1]).toBeCloseTo(0, 12)
  })
})

describe('a state that is not its own', () => {
  const params = treeOf([1, 2, 3])
  const grads = treeOf([1, 1, 1])
  // What types rule out and files do not: the state of another optimizer.
  const given = (state: unknown) => () => adam({ learningRate: 1 }).update(grads, state as never, params)

  test.each([
    ['none', undefined, /chain: the state is no list but undefined.*Begin with init/],
    ['null', null, /chain: the state is null/],
    [
      'of a longer chain',
      adamW({ learningRate: 1 }).init(params),
      /chain: the state is a list of 3,.* of 2 transformations/,
    ],
    [
      'of sgd',
      sgd({ learningRate: 1 }).init(params),
      /scaleByAdam: the state is null, and has to hold \{count, mu, nu\}/,
    ],
    [
      'of sgd with momentum',
      sgd({ learningRate: 1, momentum: 0.9 }).init(params),
      /scaleByAdam: the state is a record of \{a, b\}/,
    ],
    [
      'of parameters of other shapes',
      adam({ learningRate: 1 }).init(treeOf([1, 2, 3, 4])),
      /f32\[2\], f32\[3\].*leaves at b differ in shape/,
    ],
    ['of other parameters', adam({ learningRate: 1 }).init({ a: params['a']! }), /trees differ at the root/],
  ])('%s: says so, and names what differs', (_, state, message) => {
    expect(given(state)).toThrow(message)
  })

  test('gradients, updates and parameters of other shapes are named too', () => {
    expect(() => applyUpdates(params, treeOf([1, 2]))).toThrow(/f32\[2\], f32\[1\].*leaves at b differ/)
    const decayed = adamW({ learningRate: 1 })
    expect(() => decayed.update(grads, decayed.init(params), treeOf([1, 2]))).toThrow(/leaves at b differ/)
    expect(() => decayed.update(grads, decayed.init(params), undefined as unknown as typeof params)).toThrow(
      /trees differ at the root/,
    )
  })

  test('numbers that are none are refused where they are given', () => {
    expect(() => adam({} as never)).toThrow(/learningRate is undefined/)
    expect(() => adam({ learningRate: NaN })).toThrow(/learningRate is NaN/)
    expect(() => adam({ learningRate: 1, b2: 1 })).toThrow(/b2 is 1/)
    expect(() => adam({ learningRate: 1, eps: -1 })).toThrow(/eps is -1/)
    expect(() => adamW({ learningRate: 1, weightDecay: NaN })).toThrow(/weight is NaN/)
    expect(() => linearSchedule({ from: 1, to: 0 } as never)).toThrow(/linearSchedule: steps is undefined/)
    expect(() => cosineSchedule({ from: NaN, to: 0, steps: 1 })).toThrow(/cosineSchedule: from is NaN/)
    expect(() => constantSchedule(Infinity)).toThrow(/constantSchedule: value is Infinity/)
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

describe('a mean that is kept as bf16', () => {
  const gradients = fc.array(
    fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: -1000, max: 1000 }).map((n) => n / 256))),
    { minLength: 1, maxLength: 3 },
  )
  const last = (muDType: 'f32' | 'bf16', steps: readonly (readonly number[])[]) => {
    const optimizer = scaleByAdam({ muDType })
    const params = treeOf([0, 0, 0])
    let [updates, state] = [params, optimizer.init(params)]
    for (const g of steps) [updates, state] = optimizer.update(treeOf(g), state, params)
    return { updates: values(updates), state }
  }

  test('is one to its precision, in half the bytes; that of squares is exact, and decays', () => {
    fc.assert(
      fc.property(gradients, (steps) => {
        const [whole, half] = [last('f32', steps), last('bf16', steps)]
        expect(tree.leaves(half.state.mu).map((x) => x.dtype)).toEqual(['bf16', 'bf16'])
        expect(values(half.state.nu)).toEqual(values(whole.state.nu))
        // each rounding is by 2^-9 of what is at most the largest gradient, and fades as the mean does: 1 / (1 - b1) of them at most
        const most = Math.max(...steps.flat().map(Math.abs)) * 2 ** -9 * 10
        const [mu, exact] = [values(half.state.mu), values(whole.state.mu)]
        mu.forEach((m, i) => expect(Math.abs(m - exact[i]!)).toBeLessThanOrEqual(most))
      }),
      { seed: 1, numRuns: 20 },
    )
    // one large gradient, and then none: its square is forgotten step by step, which bf16 could not
    const [nu] = values(
      last('bf16', [
        [1, 1, 1],
        [0, 0, 0],
        [0, 0, 0],
      ]).state.nu,
    )
    expect(nu).toBeCloseTo(0.001 * 0.999 ** 2, 8)
  })

  test('keeps the dtype from step to step, and as adamW', () => {
    const optimizer = adamW({ learningRate: 0.1, muDType: 'bf16' })
    const params = treeOf([1, 2, 3])
    const [, [{ mu, nu }]] = optimizer.update(params, optimizer.init(params), params)
    expect([mu, nu].map((t) => tree.leaves(t)[0]!.dtype)).toEqual(['bf16', 'f32'])
  })
})
