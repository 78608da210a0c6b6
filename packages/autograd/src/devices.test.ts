// Derivatives on every device: random programs over the public operations, their gradients (reverse over reverse too) and
// batched gradients, compiled, against the double-precision reference.
import { add, jit, mul, readAsync, stack, sum, tensor, type Scalar, type Tensor } from '@adjoint/tensor'
import { evaluate, typed } from '@adjoint/tensor/ir'
import { close, opPrograms, presentDevices, tolerances } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { grad } from './grad.ts'
import { vmap } from './vmap.ts'

const devices = (await presentDevices()).filter((device) => device.kind !== 'reference')

describe.each(devices.map((device) => [device.kind, device] as const))('derivatives on %s', (kind, device) => {
  it('of random programs are those of the reference', async () => {
    const samples = fc.sample(opPrograms({ maxSteps: 4 }), { seed: 31, numRuns: kind === 'wasm' ? 60 : 6 })
    for (const { build, inputs, steps } of samples) {
      const x = tensor(Float32Array.from(inputs[0]!.data), inputs[0]!.shape)
      // Squares make the gradient depend on the value, and the second derivative nonzero.
      const loss = (v: Tensor): Scalar => {
        const y = typed(build([v])[0]!)
        return sum()(mul(y, y)) as Scalar
      }
      const slope = (v: Tensor): Tensor => grad(loss)(v)
      const all = (v: Tensor): readonly Tensor[] => [
        slope(v),
        grad((u: Tensor): Scalar => sum()(mul(slope(u), add(v, 1))) as Scalar)(v),
        vmap(slope)(stack(0)([v, mul(v, 0.5)])),
      ]
      const expected = evaluate(all(x))
      const actual = jit(all, { device })(x)
      for (const [i, result] of actual.entries()) {
        const data = await readAsync(result)
        const wanted = expected[i]!.data
        // Sums of products of products: errors are relative to the largest term.
        const scale = wanted.reduce((m, v) => Math.max(m, Math.abs(v)), 1)
        for (let j = 0; j < wanted.length; j++)
          if (!close(data[j]! / scale, wanted[j]! / scale, tolerances.f32Long))
            throw new Error(
              `${['grad', 'grad . grad', 'vmap . grad'][i]!} of ${steps.map((s) => ('name' in s ? s.name : s.op)).join(' > ')}: ` +
                `element ${j} is ${data[j]!} instead of ${wanted[j]!}`,
            )
      }
    }
  }, 180_000)
})
