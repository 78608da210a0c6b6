import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import {
  add,
  exp,
  full,
  jit,
  matmul,
  mul,
  readAsync,
  realizeAsync,
  scan,
  sum,
  tensor,
  type Shape,
  type Tensor,
} from '../../index.ts'
import type { WebgpuDevice } from './face.ts'
import { openWebgpu } from './kernel-trial.support.ts'

type X = Tensor<Shape, 'f32'>
/** Sums, products, a loop and what stands between them, so that programs have steps of every kind. */
const ways: readonly ((x: X) => X)[] = [
  (x) => mul(x, sum()(x)),
  (x) => matmul(x, exp(mul(x, 0.1))),
  (x) => scan((carry: X, row: X) => [add(mul(carry, 0.5), row), null] as const)(x, full([3, 4, 4], 0.25))[0],
  (x) => add(x, sum({ axis: 1, keepDims: true })(x)),
]

describe.runIf(inject('devices').includes('webgpu'))('a profile on webgpu', () => {
  let device: WebgpuDevice
  beforeAll(async () => {
    device = await openWebgpu()
  })
  afterAll(() => device.destroy())

  it('has a time for each step, and the bits of the plain call', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: ways.length - 1 }), { minLength: 1, maxLength: 5 }), async (path) => {
        const f = jit((x: X) => path.reduce<X>((y, way) => ways[way]!(y), x), { device })
        const x = await realizeAsync(
          tensor(
            Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)),
            [4, 4],
          ),
          device,
        )
        const plain = await readAsync(f(x))
        const profile = await f.profileAsync(x)
        expect(await readAsync(profile.result)).toEqual(plain)
        expect(profile.program).toBe(f.program(x))
        expect(profile.ms).toHaveLength(profile.program.steps.length)
        expect(profile.ms.every((ms) => Number.isFinite(ms) && ms >= 0)).toBe(true)
        expect(profile.ms.some((ms) => ms > 0)).toBe(true)
      }),
      { seed: 7, numRuns: 12 },
    )
  })

  it('makes its objects once, and holds none of them for a call', async () => {
    const f = jit((x: X) => ways.reduce<X>((y, way) => way(y), x), { device })
    const x = await realizeAsync(full([4, 4], 0.5), device)
    for (let i = 0; i < 2; i++) (await f.profileAsync(x)).result
    const before = device.stats()
    for (let i = 0; i < 5; i++) await readAsync((await f.profileAsync(x)).result)
    const after = device.stats()
    expect(after.kernels - before.kernels).toBeGreaterThan(0)
    expect(after.submits - before.submits).toBe(5)
    expect(after.created - before.created).toBeLessThanOrEqual(5) // results that were not collected yet
  })

  it('of a program without steps is empty, the first one of a device too', async () => {
    const fresh = await openWebgpu()
    const f = jit((x: Tensor) => x, { device: fresh, donate: [0] })
    const profile = await f.profile(await realizeAsync(full([8], 0.5), fresh))()
    if (E.isLeft(profile)) throw new Error(profile.left.message)
    expect(profile.right.program.steps).toEqual([])
    expect(profile.right.ms).toEqual([])
    expect([...(await readAsync(profile.right.result))]).toEqual(Array.from({ length: 8 }, () => 0.5))
    await fresh.destroy()
  })

  it('is left where sets of queries are refused: nothing is run, donated or held, and the program runs as before', async () => {
    const refused = await openWebgpu()
    const { globals } = await import('webgpu')
    // The class that devices are of, by the specification: the package gives it without a type.
    const { prototype } = Reflect.get(globals, 'GPUDevice') as { readonly prototype: GPUDevice }
    // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its device below
    const create = prototype.createQuerySet
    const f = jit((x: X) => add(exp(x), 1), { device: refused, donate: [0] })
    const x = await realizeAsync(full([64], 0.5), refused)
    await readAsync(x) // it has been made
    const done = (): readonly number[] => {
      const { liveBytes, kernels, submits } = refused.stats()
      return [liveBytes, kernels, submits]
    }
    const before = done()
    const spy = vi.spyOn(prototype, 'createQuerySet').mockImplementation(function (this: GPUDevice, what) {
      // More queries than a set may have: the device itself refuses it, and tells so in its own time.
      return create.call(this, { ...what, count: 2 ** 20 })
    })
    try {
      const profile = await f.profile(x)()
      expect(profile).toMatchObject({ left: { _tag: 'Unprofiled' } })
      expect(spy).toHaveBeenCalled()
      expect(done()).toEqual(before)
      await expect(f.profileAsync(x)).rejects.toThrow(/nothing was run, since the adapter gave no memory/)
    } finally {
      spy.mockRestore()
    }
    expect((await f.profileAsync(x)).ms).toHaveLength(1)
    await refused.destroy()
  })

  it('says what became of it where the device goes meanwhile', async () => {
    const gone = await openWebgpu()
    const f = jit((x: Tensor) => sum()(exp(x)), { device: gone })
    const x = await realizeAsync(full([64], 0.5), gone)
    const profile = f.profile(x)()
    await gone.destroy()
    const done = await profile
    expect(E.isLeft(done) ? done.left._tag : 'it was done before').toMatch(/DeviceLost|it was done before/)
  })
})
