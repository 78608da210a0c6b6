import type { Floats, TransformerParams } from '@adjoint/nn'
import { type Device, jit, ones, readAsync, realizeAsync, requestDeviceAsync, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { mixReference, syncReference } from './reference.ts'
import { allNear, law, values } from '../policy/rollouts.support.ts'

const trees = fc
  .array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: 5, maxLength: 5 })
  .map((xs) => ({ embed: tensor(xs.slice(0, 3)), layers: [{ bias: tensor(xs.slice(3)), gate: null }] as const }))
const flat = (t: {
  readonly embed: Floats
  readonly layers: readonly [{ readonly bias: Floats }]
}): readonly number[] => [...values(t.embed), ...values(t.layers[0].bias)]
const share = fc.double({ min: 0, max: 1, noNaN: true })

describe('mixReference', () => {
  law('is alpha policy + (1 - alpha) reference, leaf by leaf', fc.tuple(trees, trees, share), ([p, r, alpha]) =>
    allNear(
      flat(mixReference(alpha)(p, r)),
      flat(p).map((x, i) => alpha * x + (1 - alpha) * flat(r)[i]!),
      1e-5,
    ),
  )

  law(
    'is the policy at 1, the reference at 0',
    fc.tuple(trees, trees),
    ([p, r]) => mixReference(1)(p, r) === p && mixReference(0)(p, r) === r,
  )

  law('a share, and a share of the rest, are one larger share', fc.tuple(trees, trees, share, share), ([p, r, a, b]) =>
    allNear(flat(mixReference(b)(p, mixReference(a)(p, r))), flat(mixReference(1 - (1 - a) * (1 - b))(p, r)), 1e-5),
  )

  test('alpha is a share, and the trees are alike', () => {
    for (const alpha of [-0.1, 1.1, NaN]) expect(() => mixReference(alpha)).toThrow(/alpha is/)
    expect(() => mixReference(0.5)<Record<string, Floats>>({ a: ones([1]) }, { b: ones([1]) })).toThrow(/differ/)
  })
})

describe('syncReference', () => {
  // A policy of one tensor: its parameters stand for those of a model.
  const policyOf = (x: number) => ({ weight: tensor([x, -x]) }) as unknown as TransformerParams
  const read = async (params: TransformerParams | null, device: Device): Promise<readonly number[] | null> =>
    params === null ? null : Array.from(await readAsync((params as unknown as { weight: Floats }).weight, device))

  test('mixes at every multiple but 0, and gives the reference memory of its own at 0', async () => {
    const device = await requestDeviceAsync({ kind: 'wasm' })
    try {
      const sync = syncReference({ every: 2, alpha: 0.25 }, device)
      const at = async (step: number): Promise<readonly number[] | null> => {
        const synced = await sync({ params: policyOf(4), opt: null, reference: policyOf(0) }, step)()
        return E.isRight(synced) ? read(synced.right.reference, device) : null
      }
      expect([await at(0), await at(1), await at(2), await at(3), await at(4)]).toEqual([
        ...[
          [0, -0],
          [0, -0],
          [1, -1],
          [0, -0],
          [1, -1],
        ].map((xs) => xs.map((x) => expect.closeTo(x, 6) as unknown)),
      ])

      const without = { params: policyOf(4), opt: null, reference: null }
      expect(await sync(without, 2)()).toEqual(E.right(without))

      // The policy itself as its reference: the step that takes the memory of the policy leaves the reference whole.
      const params = await realizeAsync(policyOf(3), device)
      const begun = await sync({ params, opt: null, reference: params }, 0)()
      if (E.isLeft(begun)) throw new Error('the device failed')
      const step = jit((p: TransformerParams) => mixReference(0.5)(p, p), { donate: [0], device })
      await realizeAsync(step(begun.right.params), device)
      expect(await read(begun.right.reference, device)).toEqual([3, -3])
    } finally {
      await device.destroy()
    }
  })
})
