/** A program's steps as WebGPU takes them: kernels with their pipelines, written into a command encoder. */
import type { Kernel } from '../../loops/kernel.ts'
import { printKernel, type Tuning } from './printer/index.ts'
import { kernelSteps, type Program, type Step } from '../../compile/program.ts'
import { describeSite, type Site } from '../../base/site.ts'
import type { BindGroups, Range } from './bindings.ts'
import { copyAccess, copyShader } from './copies.ts'
import { type Blame, type Faults, nobody, type Outcome } from './faults.ts'
import type { Pipeline, Pipelines } from './pipelines.ts'
import type { Places } from './places.ts'

/** A run of a pipeline over buffers of the program. */
export interface Dispatch {
  readonly kind: 'dispatch'
  readonly blame: () => Blame
  readonly pipeline: Pipeline
  readonly workgroups: readonly [number, number, number]
  readonly buffers: readonly number[]
  /** False for a copy that only a kernel can make. */
  readonly counts: boolean
}
export interface Copy {
  readonly kind: 'copy'
  readonly from: number
  readonly to: number
  readonly bytes: number
}
export type GpuStep = Dispatch | Copy

const blameOf = ({ kernel, site }: { readonly kernel: Kernel; readonly site: Site }): Blame => ({
  op: kernel.name,
  site: describeSite(site),
})

/** The work that first writes one of the buffers: who is to blame where there is no memory for it. */
export const writerOf = (program: Program, isOne: (buffer: number) => boolean): Blame => {
  for (const step of kernelSteps(program.steps))
    if (step.buffers.some((b, i) => isOne(b) && step.kernel.buffers[i]!.write)) return blameOf(step)
  return nobody
}

/**
 * Prints the kernels and starts to compile them. Kernels with nothing to do are left out. What lies in the arena is bound
 * writable whether it is written or not: a buffer may not be bound read-only and writable in one dispatch.
 */
export const prepare = (program: Program, places: Places, pipelines: Pipelines, tuning: Tuning): readonly GpuStep[] => {
  const slabOf = (buffer: number): number | null => places.of[buffer]?.slab ?? null
  const prepared = (step: Step): readonly GpuStep[] => {
    if (step.kind === 'loop') {
      if (typeof step.trips !== 'number') throw new Error('a loop that ends by a flag cannot run here')
      const round = step.steps.flatMap(prepared)
      return Array.from({ length: step.trips }, () => round).flat()
    }
    if (step.kind === 'copy') {
      const { from, to, bytes } = step
      if (from === to || bytes === 0) return []
      if (slabOf(from) === null || slabOf(from) !== slabOf(to)) return [step]
      const shader = copyShader(bytes)
      return [
        {
          kind: 'dispatch',
          blame: () => ({ op: 'a copy', site: '' }),
          pipeline: pipelines.of(shader, copyAccess, 'copy'),
          workgroups: shader.workgroups,
          buffers: [from, to],
          counts: false,
        },
      ]
    }
    const buffers = step.kernel.buffers.map((b, i) => ({
      ...b,
      write: b.write || slabOf(step.buffers[i]!) !== null,
    }))
    const kernel: Kernel = { ...step.kernel, buffers }
    const shader = printKernel(kernel, tuning)
    if (shader.workgroups.includes(0)) return []
    const access = buffers.map((b) => (b.write ? 'w' : 'r')).join('')
    return [
      {
        kind: 'dispatch',
        blame: () => blameOf(step),
        pipeline: pipelines.of(shader, access, kernel.name),
        workgroups: shader.workgroups,
        buffers: step.buffers,
        counts: true,
      },
    ]
  }
  return program.steps.flatMap(prepared)
}

/** Where a program's buffers are, and the bind groups of its steps over them; null where a step has none. */
export interface Bound {
  readonly ranges: readonly Range[]
  readonly groups: readonly (GPUBindGroup | null)[]
}

export const bindAll = (steps: readonly GpuStep[], groups: BindGroups, ranges: readonly Range[]): Bound => ({
  ranges,
  groups: steps.map((s) =>
    s.kind === 'copy'
      ? null
      : groups.of(
          s.pipeline,
          s.buffers.map((b) => ranges[b]!),
        ),
  ),
})

/** The steps from `first` up to `end` in order, kernels between copies in one pass. Every pipeline is compiled. */
export const encode = (
  encoder: GPUCommandEncoder,
  steps: readonly GpuStep[],
  { ranges, groups }: Bound,
  first = 0,
  end = steps.length,
): void => {
  let pass: GPUComputePassEncoder | null = null
  for (let i = first; i < end; i++) {
    const s = steps[i]!
    if (s.kind === 'copy') {
      pass?.end()
      pass = null
      const [from, to] = [ranges[s.from]!, ranges[s.to]!]
      encoder.copyBufferToBuffer(from.block.buffer, from.offset, to.block.buffer, to.offset, s.bytes)
    } else {
      pass ??= encoder.beginComputePass()
      pass.setPipeline(s.pipeline.compiled!)
      pass.setBindGroup(0, groups[i])
      pass.dispatchWorkgroups(...s.workgroups)
    }
  }
  pass?.end()
}

/** After a rejected submission: encodes each step alone to see which one is at fault. */
export const culprit = (gpu: GPUDevice, faults: Faults, steps: readonly GpuStep[], bound: Bound): Blame => {
  const rejected = (i: number): boolean => {
    const alone: Outcome = { error: null }
    faults.during(
      alone,
      () => nobody,
      () => {
        const encoder = gpu.createCommandEncoder()
        encode(encoder, steps, bound, i, i + 1)
        encoder.finish()
      },
    )
    return alone.error !== null
  }
  const guilty = steps.find((s, i) => s.kind === 'dispatch' && rejected(i)) ?? steps.find((s) => s.kind === 'dispatch')
  return guilty?.kind === 'dispatch' ? guilty.blame() : nobody
}
