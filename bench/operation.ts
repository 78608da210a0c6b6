/** Single operations on tensors that lie on the device, and how one is timed. */
import {
  add,
  type Device,
  gelu,
  jit,
  mean,
  mul,
  random,
  readAsync,
  realizeAsync,
  rsqrt,
  scalar,
  type Shape,
  square,
  sub,
  type Tensor,
} from '@adjoint/tensor'
import { round, time, type Workload } from './row.ts'

const uniform = (device: Device, shape: Shape, seed: number): Promise<Tensor> =>
  realizeAsync(random.uniform({ minval: -1, maxval: 1 })(random.key(seed), shape), device)

/** A value that can be read only when all that was asked of the device before is done. */
export const settle = (device: Device): (() => Promise<void>) => {
  const tick = jit((x: Tensor) => add(x, 1), { device })
  return async () => {
    await readAsync(tick(scalar(0)))
  }
}

/** A compiled function of tensors already on the device, to be called; each result is written over the last one. */
export const ready = async (
  device: Device,
  shapes: readonly Shape[],
  f: (...xs: Tensor[]) => Tensor,
): Promise<() => void> => {
  const args = await Promise.all(shapes.map((shape, i) => uniform(device, shape, i)))
  const run = jit((_last: Tensor, ...xs: Tensor[]) => f(...xs), { donate: [0], device })
  let last = await realizeAsync(f(...args), device)
  return () => {
    last = run(last, ...args)
  }
}

export const operation = (
  name: string,
  shapes: readonly Shape[],
  f: (...xs: Tensor[]) => Tensor,
  flops?: number,
): Workload => {
  return async (device) => {
    const call = await ready(device, shapes, f)
    const settled = settle(device)
    const timing = await time(name, async () => {
      call()
      await settled()
    })
    return { workload: name, ...timing, ...(flops === undefined ? {} : { gflops: round(flops / timing.ms / 1e6) }) }
  }
}

export const chain = (x: Tensor, y: Tensor): Tensor => gelu(add(mul(x, 2), y))

export const layerNorm = (x: Tensor, gain: Tensor, bias: Tensor): Tensor => {
  const centred = sub(x, mean({ axis: -1, keepDims: true })(x))
  const variance = mean({ axis: -1, keepDims: true })(square(centred))
  return add(mul(mul(centred, rsqrt(add(variance, 1e-5))), gain), bias)
}
