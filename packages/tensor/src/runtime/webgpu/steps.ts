/** A program's steps as WebGPU takes them: kernels with their pipelines, written into a command encoder. */
import type { Kernel } from '../../codegen/kernel.ts'
import { printKernel, type Tuning } from '../../codegen/wgsl/index.ts'
import type { Program } from '../../schedule/program.ts'
import { describeSite, type Site } from '../../site.ts'
import type { Blame, Faults, Outcome } from './faults.ts'
import type { Block } from './memory.ts'
import type { Pipeline, Pipelines } from './pipelines.ts'

export interface Dispatch {
  readonly kind: 'dispatch'
  readonly kernel: Kernel
  readonly site: Site
  readonly pipeline: Pipeline
  readonly workgroups: readonly [number, number, number]
  readonly buffers: readonly number[]
}
export interface Copy {
  readonly kind: 'copy'
  readonly from: number
  readonly to: number
  readonly bytes: number
}
export type GpuStep = Dispatch | Copy

export const blameOf = ({ kernel, site }: { readonly kernel: Kernel; readonly site: Site }): Blame => ({
  op: kernel.name,
  site: describeSite(site),
})

/** The work that first writes a buffer of a program: who is to blame where there is no memory for it. */
export const writerOf = (program: Program, buffer: number): Blame => {
  for (const step of program.steps)
    if (step.kind === 'kernel' && step.buffers.some((b, i) => b === buffer && step.kernel.buffers[i]!.write))
      return blameOf(step)
  return { op: 'a program', site: '' }
}

/** Prints the kernels and starts to compile them. Kernels with nothing to do are left out. */
export const prepare = (program: Program, pipelines: Pipelines, tuning: Tuning): readonly GpuStep[] =>
  program.steps.flatMap((step): readonly GpuStep[] => {
    if (step.kind === 'copy') return step.from === step.to ? [] : [step]
    const shader = printKernel(step.kernel, tuning)
    if (shader.workgroups.includes(0)) return []
    const pipeline = pipelines.of(step.kernel, shader)
    return [{ ...step, kind: 'dispatch', pipeline, workgroups: shader.workgroups }]
  })

/** The bind groups of steps over given memory; null where a step has none. */
export type Bound = readonly (GPUBindGroup | null)[]

export const bindAll = (steps: readonly GpuStep[], pipelines: Pipelines, blocks: readonly Block[]): Bound =>
  steps.map((s) =>
    s.kind === 'copy'
      ? null
      : pipelines.bind(
          s.pipeline,
          s.buffers.map((b) => blocks[b]!),
        ),
  )

/** All steps in order, kernels between copies in one pass. Every pipeline is compiled. */
export const encode = (
  encoder: GPUCommandEncoder,
  steps: readonly GpuStep[],
  bound: Bound,
  blocks: readonly Block[],
): void => {
  let pass: GPUComputePassEncoder | null = null
  for (let i = 0; i < steps.length; i++) {
    const s = steps[i]!
    if (s.kind === 'copy') {
      pass?.end()
      pass = null
      encoder.copyBufferToBuffer(blocks[s.from]!.buffer, 0, blocks[s.to]!.buffer, 0, s.bytes)
    } else {
      pass ??= encoder.beginComputePass()
      pass.setPipeline(s.pipeline.compiled!)
      pass.setBindGroup(0, bound[i])
      pass.dispatchWorkgroups(...s.workgroups)
    }
  }
  pass?.end()
}

/** After a rejected submission: encodes each step alone to see which one is at fault. */
export const culprit = (
  gpu: GPUDevice,
  faults: Faults,
  steps: readonly GpuStep[],
  bound: Bound,
  blocks: readonly Block[],
): Blame => {
  const nobody: Blame = { op: 'a program', site: '' }
  const rejected = (i: number): boolean => {
    const alone: Outcome = { error: null }
    faults.during(
      alone,
      () => nobody,
      () => {
        const encoder = gpu.createCommandEncoder()
        encode(encoder, [steps[i]!], [bound[i]!], blocks)
        encoder.finish()
      },
    )
    return alone.error !== null
  }
  const guilty = steps.find((s, i) => s.kind === 'dispatch' && rejected(i)) ?? steps.find((s) => s.kind === 'dispatch')
  return guilty?.kind === 'dispatch' ? blameOf(guilty) : nobody
}
