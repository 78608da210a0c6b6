import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { cast, matmul, random, readAsync, transpose } from '../../index.ts'
import * as I from '../../loops/ix.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import { type DotTile, hardwareTuning, softwareTuning, type Tuning } from './printer/index.ts'
import { referenceDevice } from '../reference/reference.ts'
import type { WebgpuDevice } from './face.ts'
import { axis, differences, into, near, openWebgpu, out, sequence, store, tryKernel } from './kernel-trial.support.ts'

/** a transposed, b transposed, bias and a second output in the epilogue. */
const dotKernel = (b: number, m: number, k: number, n: number): DotKernel => {
  const [B, M, K, N] = [axis(b), axis(m), axis(k), axis(n)]
  const acc = S.reduced(0, 'f32')
  const at = I.flatten([I.ofAxis(B), I.ofAxis(M), I.ofAxis(N)], [b, m, n])
  const a = S.load(0, I.flatten([I.ofAxis(B), I.ofAxis(K), I.ofAxis(M)], [b, k, m]), 'f32')
  const biased = S.binary('add', acc, S.load(2, I.ofAxis(N), 'f32'))
  return {
    kind: 'dot',
    name: 'dot',
    buffers: [
      into('f32', b * k * m),
      into('f32', n * k),
      into('f32', n),
      out('f32', b * m * n),
      out('bool', b * m * n),
    ],
    batch: [B],
    m: M,
    n: N,
    k: K,
    a: S.binary('mul', a, S.constant('f32', 0.5)),
    b: S.load(1, I.flatten([I.ofAxis(N), I.ofAxis(K)], [n, k]), 'f32'),
    reductions: [],
    stores: [store(3, at, biased, 'full'), store(4, at, S.binary('gt', biased, S.constant('f32', 0)), 'full')],
  }
}

describe.runIf(inject('devices').includes('webgpu'))('dots on the adapter', () => {
  const tunings: readonly (readonly [string, Tuning])[] = [
    ['this adapter', softwareTuning],
    ['a GPU', hardwareTuning],
  ]
  describe.each(tunings)('tuned for %s', (_, tuning) => {
    let tuned: WebgpuDevice
    beforeAll(async () => {
      tuned = await openWebgpu({ tuning })
    })
    afterAll(() => tuned.destroy())

    it('runs dots of odd sizes with any operands and epilogue', { timeout: 60_000 }, async () => {
      for (const [b, m, k, n] of [
        [3, 5, 7, 3],
        [1, 67, 33, 65],
        [1, 4, 0, 5],
        [2, 0, 3, 4],
        [1, 1, 50, 131],
      ] as const) {
        const { actual, expected } = await tryKernel(tuned, dotKernel(b, m, k, n), [
          sequence(b * k * m),
          sequence(n * k, (i) => Math.cos(i * 0.7)),
          sequence(n),
        ])
        expect(differences(actual, expected)).toEqual([])
      }
    })

    it.each(['f16', 'bf16'] as const)('stores results as %s, in words of two or shared ones', async (dtype) => {
      for (const n of [64, 7, 2]) {
        const x = random.normal()(random.key(n), [33, n])
        for (const y of [cast(dtype)(matmul(transpose()(x), x)), transpose()(cast(dtype)(matmul(transpose()(x), x)))]) {
          const [actual, expected] = [await readAsync(y, tuned), await readAsync(y, referenceDevice())]
          const bound = dtype === 'f16' ? 2 ** -9 : 2 ** -6
          expect(actual.every((v, i) => near(v, expected[i]!, bound, bound))).toBe(true)
        }
      }
    })
  })

  it('runs every dot tile', { timeout: 60_000 }, async () => {
    const tiles: readonly DotTile[] = [
      { lanesM: 4, lanesN: 2, perM: 3, perN: 5, depth: 4 },
      { lanesM: 2, lanesN: 4, perM: 1, perN: 1, depth: 0 },
      { lanesM: 1, lanesN: 8, perM: 16, perN: 8, depth: 0 },
      { lanesM: 8, lanesN: 8, perM: 8, perN: 4, depth: 8 },
    ]
    for (const tile of tiles) {
      const tuned = await openWebgpu({ tuning: { ...softwareTuning, dot: () => tile } })
      const { actual, expected } = await tryKernel(tuned, dotKernel(2, 19, 21, 23), [
        sequence(2 * 21 * 19),
        sequence(23 * 21),
        sequence(23),
      ])
      expect(differences(actual, expected)).toEqual([])
      await tuned.destroy()
    }
  })

  it('covers more than 65,535 workgroups', async () => {
    const device = await openWebgpu()
    const { actual, expected } = await tryKernel(device, dotKernel(66_000, 1, 2, 1), [
      sequence(66_000 * 2),
      sequence(2),
      sequence(1),
    ])
    expect(differences(actual, expected)).toEqual([])
    await device.destroy()
  })
})
