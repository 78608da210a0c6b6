/** The training step under the roof of its device: what each kernel reaches of what the machine can do, and what GPUs could at most. */
import {
  add,
  type Device,
  DeviceFailure,
  jit,
  matmul,
  ones,
  type Peak,
  readAsync,
  realizeAsync,
  roofline,
  rooflineText,
  type Tensor,
} from '@adjoint/tensor'
import { median } from './comparison.ts'
import { trainingStep } from './workloads.ts'

const ROUNDS = 9
/** A square product large enough to be bound by arithmetic, and a stretch of numbers that no cache holds. */
const SIDE = 1024
const LENGTH = 1 << 24

/** f32 arithmetic (no tensor cores) and memory, as their makers state them. */
const gpus: readonly (readonly [string, Peak])[] = [
  ['H100 SXM', { flops: 67e12, bandwidth: 3.35e12 }],
  ['A100 80 GB', { flops: 19.5e12, bandwidth: 2.04e12 }],
  ['RTX 4090', { flops: 82.6e12, bandwidth: 1.01e12 }],
  ['T4', { flops: 8.1e12, bandwidth: 0.32e12 }],
]

/** What the device does at most, by its own fastest product and by a long vector read and written in place; null where it tells no times. */
export const measuredPeak = async (device: Device): Promise<Peak | null> => {
  const side = await realizeAsync(ones([SIDE, SIDE]), device)
  const product = jit(matmul, { device })
  const next = jit((x: Tensor): Tensor => add(x, 1), { device, donate: [0] })
  let long: Tensor = await realizeAsync(ones([LENGTH]), device)
  let [flops, bandwidth] = [0, 0]
  for (let round = 0; round < ROUNDS; round++) {
    const p = await product.profile(side, side)()
    if (p._tag === 'Left') {
      if (p.left._tag === 'Unprofiled') return null
      throw new DeviceFailure(p.left)
    }
    const n = await next.profileAsync(long)
    long = n.result
    const seconds = ({ ms }: { readonly ms: readonly number[] }): number => ms.reduce((sum, t) => sum + t, 0) / 1e3
    flops = Math.max(flops, (2 * SIDE ** 3) / seconds(p.right))
    bandwidth = Math.max(bandwidth, (2 * 4 * LENGTH) / seconds(n))
  }
  return { flops, bandwidth }
}

/** The table of `npm run -s bench -- --roofline`. */
export const rooflineOfTraining = async (device: Device): Promise<string> => {
  const { step, x, y, ...start } = await trainingStep(device)
  let { params, state } = start
  const program = step.program(params, state, x, y)
  if (program === null) return `${device.kind} has no program of the training step`
  const paper = gpus.map(([name, peak]) => {
    const least = roofline(peak)(program).reduce((n, s) => n + s.least, 0)
    return `  ${name.padEnd(12)} ${least.toFixed(3)} ms at least (${(peak.flops / 1e12).toFixed(1)} TFLOP/s, ${(peak.bandwidth / 1e12).toFixed(2)} TB/s)`
  })
  const peak = await measuredPeak(device)
  if (peak === null)
    return [rooflineText(roofline(gpus[0]![1])(program)), `on paper, one step takes:`, ...paper].join('\n')
  const times: (readonly number[])[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const profile = await step.profileAsync(params, state, x, y)
    ;[, params, state] = profile.result
    times.push(profile.ms)
    await readAsync(profile.result[0])
  }
  const ms = program.steps.map((_, i) => median(times.map((round) => round[i]!)))
  return [
    rooflineText(roofline(peak)(program, ms)),
    `${device.kind} (${device.label}): ${(peak.flops / 1e9).toFixed(1)} GFLOP/s (a product of ${SIDE}), ${(peak.bandwidth / 1e9).toFixed(1)} GB/s (a vector of ${LENGTH}); medians of ${ROUNDS} steps`,
    `on paper, the same step takes:`,
    ...paper,
  ].join('\n')
}
