import fc from 'fast-check'
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { add, foriLoop, jit, matmul, mul, ones, readAsync, softmax, tanh, type Tensor } from '../index.ts'
import { kernelCost } from './explain.ts'
import { roofline, rooflineText } from './roofline.ts'
import { kernelSteps } from '../loops/program.ts'

const devices = await presentDevices()
const layers = (x: Tensor, w: Tensor): Tensor => softmax(-1)(tanh(matmul(x, w)))
const looped = (x: Tensor): Tensor => foriLoop<Tensor>(5, (_, x) => tanh(matmul(x, x)))(x)
const positive = fc.double({ min: 1, max: 1e15, noNaN: true })

describe('the roof over a program', () => {
  const program = jit(layers).program(ones([7, 33]), ones([33, 65]))!
  it('is arithmetic over the peak, or bytes over the bandwidth, whichever is more', () => {
    fc.assert(
      fc.property(positive, positive, (flops, bandwidth) => {
        roofline({ flops, bandwidth })(program).forEach(({ least, bound }, i) => {
          const step = program.steps[i]!
          const cost = step.kind === 'kernel' ? kernelCost(step.kernel) : { flops: 0, bytes: 0 }
          const [a, m] = [(1e3 * cost.flops) / flops, (1e3 * cost.bytes) / bandwidth]
          expect(least).toBeCloseTo(Math.max(a, m), 9)
          expect(bound).toBe(a > m ? 'arithmetic' : 'memory')
        })
      }),
      { seed: 1, numRuns: 50 },
    )
  })
  it('counts the kernels of a loop once a round', () => {
    const { steps } = jit(looped).program(ones([9, 9]))!
    const loop = steps.findIndex((s) => s.kind === 'loop')
    const costs = kernelSteps(steps.slice(loop, loop + 1)).map(({ kernel }) => kernelCost(kernel))
    const at = roofline({ flops: 1, bandwidth: 1e15 })({ steps })[loop]!
    expect(at.flops).toBe(5 * costs.reduce((n, c) => n + c.flops, 0))
    expect(at.least).toBeCloseTo(1e3 * at.flops, 3)
    expect(rooflineText(roofline({ flops: 1, bandwidth: 1 })({ steps }))).toMatch(/loop of \d+ kernels, 5 times/)
  })
  it('refuses a machine that does nothing, and times of another program', () => {
    expect(() => roofline({ flops: 0, bandwidth: 1 })(program)).toThrow(/roofline: flops is 0; give/)
    expect(() => roofline({ flops: 1, bandwidth: NaN })(program)).toThrow(/roofline: bandwidth is NaN/)
    expect(() => roofline({ flops: 1, bandwidth: 1 })(program, [1])).toThrow(/1 times of a program of \d+ steps/)
  })
})

describe.each(devices.map((device) => [device.kind, device] as const))('profile on %s', (kind, device) => {
  it('gives the result of the call, and a time for each step', async () => {
    const f = jit((x: Tensor, w: Tensor) => looped(layers(x, w)), { device })
    const [x, w] = [mul(ones([64, 64]), 0.1), mul(ones([64, 64]), 0.2)]
    const profile = await f.profile(x, w)()
    if (profile._tag === 'Left') {
      expect(kind === 'reference' || kind === 'webgpu').toBe(true)
      expect(profile.left.message).toMatch(/^profile: nothing was run, since .*(interprets|no clock)/)
      await expect(f.profileAsync(x, w)).rejects.toThrow(profile.left.message)
      return
    }
    const { result, program, ms } = profile.right
    expect(await readAsync(result)).toEqual(await readAsync(f(x, w)))
    expect(program).toBe(f.program(x, w))
    expect(ms).toHaveLength(program.steps.length)
    expect(ms.every((t) => t >= 0) && ms.some((t) => t > 0)).toBe(true)
    const loop = program.steps.findIndex((step) => step.kind === 'loop')
    expect(ms[loop]).toBeGreaterThan(0)
  })
  it('overwrites what was donated, once, and is nothing inside another transformation', async () => {
    const f = jit((x: Tensor) => add(x, 1), { device, donate: [0] })
    const x = jit((x: Tensor) => mul(x, 2), { device })(ones([100]))
    const profile = await f.profile(x)()
    if (profile._tag === 'Left') return
    expect(await readAsync(profile.right.result)).toEqual(new Float32Array(100).fill(3))
    await expect(f.profile(x)()).rejects.toThrow(/donated/)
    const inner = jit((x: Tensor) => add(x, 1), { device })
    const inside: Promise<unknown>[] = []
    const outer = jit(
      (x: Tensor) => {
        inside.push(inner.profile(x)())
        return x
      },
      { device },
    )
    outer(ones([3]))
    expect(await Promise.all(inside)).toMatchObject([{ left: { _tag: 'Unprofiled' } }])
  })
})
