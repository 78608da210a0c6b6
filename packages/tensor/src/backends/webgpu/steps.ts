/** A program's steps as WebGPU takes them: kernels with their pipelines, and the bind groups that say over which memory. */
import { gated, printKernel, type Shader, type Tuning } from './printer/index.ts'
import { kernelSteps, type Program, type Step } from '../../compile/program.ts'
import { describeSite } from '../../base/site.ts'
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
  /** Its number: where its bind group is. */
  readonly at: number
}
export interface Copy {
  readonly kind: 'copy'
  readonly from: number
  readonly to: number
  readonly bytes: number
}
export interface Rounds {
  readonly kind: 'rounds'
  readonly trips: number | Flag
  readonly steps: readonly GpuStep[]
}
/**
 * How a loop ends that the device ends itself. The host sends more rounds than there may be, and asks only now and then: each
 * kernel of a round looks at the gate, a word beside the arena, and does nothing where it is 0. The gate is set to the flag
 * before each round, and not while one is under way, which may change its flag before it is done.
 */
export interface Flag {
  readonly buffer: number
  /** Sets the gate; null where a loop of this kind is inside, so that the host asks before each round. */
  readonly gate: Dispatch | null
}
export type GpuStep = Dispatch | Copy | Rounds

export interface Prepared {
  readonly steps: readonly GpuStep[]
  /** All dispatches, by their number. */
  readonly dispatches: readonly Dispatch[]
}

/** The work that first writes one of the buffers: who is to blame where there is no memory for it. */
export const writerOf = (program: Program, isOne: (buffer: number) => boolean): Blame => {
  for (const { kernel, buffers, site } of kernelSteps(program.steps))
    if (buffers.some((b, i) => isOne(b) && kernel.buffers[i]!.write))
      return { op: kernel.name, site: describeSite(site) }
  return nobody
}

const endsByFlag = (step: Step): boolean =>
  step.kind === 'loop' && (typeof step.trips !== 'number' || step.steps.some(endsByFlag))

/** The number of the gate's buffer: it comes after all of the program's. */
export const gateOf = (program: Program): number => program.buffers.length
/** Whether a program needs a gate. */
export const hasGate = (program: Program): boolean => program.steps.some(endsByFlag)

/** Where a step is. */
interface Context {
  /** Inside of a loop, where a copy is a kernel: the round stays one pass. */
  readonly looped: boolean
  /** In a loop that its flag ends. */
  readonly gated: boolean
}

/**
 * Prints the kernels and starts to compile them. Kernels with nothing to do are left out. What lies in the arena is bound
 * writable whether it is written or not: a buffer may not be bound read-only and writable in one dispatch.
 */
export const prepare = (program: Program, places: Places, pipelines: Pipelines, tuning: Tuning): Prepared => {
  const dispatches: Dispatch[] = []
  const slabOf = (buffer: number): number | null => places.of[buffer]?.slab ?? null
  const dispatch = (
    shader: Shader,
    access: string,
    buffers: readonly number[],
    closes: boolean,
    { op, blame }: { readonly op: string; readonly blame: () => Blame },
    counts = false,
  ): Dispatch => {
    const guarded = closes ? gated(shader, buffers.length) : shader
    const made: Dispatch = {
      kind: 'dispatch',
      blame,
      pipeline: pipelines.of(guarded, closes ? `${access}r` : access, op),
      workgroups: shader.workgroups,
      buffers: closes ? [...buffers, gateOf(program)] : buffers,
      counts,
      at: dispatches.length,
    }
    dispatches.push(made)
    return made
  }
  const copy = (from: number, to: number, bytes: number, closes: boolean): Dispatch =>
    dispatch(copyShader(bytes), copyAccess, [from, to], closes, {
      op: 'copy',
      blame: () => ({ op: 'a copy', site: '' }),
    })
  const prepared = (step: Step, context: Context): readonly GpuStep[] => {
    switch (step.kind) {
      case 'copy': {
        const { from, to, bytes } = step
        if (from === to || bytes === 0) return []
        const apart = slabOf(from) === null || slabOf(from) !== slabOf(to)
        return [apart && !context.looped ? step : copy(from, to, bytes, context.gated)]
      }
      case 'kernel': {
        const { buffers, site } = step
        const bound = step.kernel.buffers.map((b, i) => ({ ...b, write: b.write || slabOf(buffers[i]!) !== null }))
        const shader = printKernel({ ...step.kernel, buffers: bound }, tuning)
        if (shader.workgroups.includes(0)) return []
        const access = bound.map((b) => (b.write ? 'w' : 'r')).join('')
        const { name: op } = step.kernel
        const blame = (): Blame => ({ op, site: describeSite(site) })
        return [dispatch(shader, access, buffers, context.gated, { op, blame }, true)]
      }
      case 'loop': {
        const flagged = typeof step.trips !== 'number'
        const asked = flagged && step.steps.some(endsByFlag)
        const inside = { looped: true, gated: context.gated || (flagged && !asked) }
        const steps = step.steps.flatMap((s) => prepared(s, inside))
        if (typeof step.trips === 'number')
          return steps.length === 0 ? [] : [{ kind: 'rounds', trips: step.trips, steps }]
        const { flag } = step.trips
        const gate = asked ? null : copy(flag, gateOf(program), 4, false)
        return [{ kind: 'rounds', trips: { buffer: flag, gate }, steps }]
      }
    }
  }
  const steps = program.steps.flatMap((s) => prepared(s, { looped: false, gated: false }))
  return { steps, dispatches }
}

/** Where a program's buffers are, and the bind groups of its dispatches over them. */
export interface Bound {
  readonly ranges: readonly Range[]
  readonly groups: readonly GPUBindGroup[]
}

export const bindAll = (dispatches: readonly Dispatch[], groups: BindGroups, ranges: readonly Range[]): Bound => ({
  ranges,
  groups: dispatches.map(({ pipeline, buffers }) =>
    groups.of(
      pipeline,
      buffers.map((b) => ranges[b]!),
    ),
  ),
})

/** Writes a dispatch into a pass. Its pipeline is compiled. */
export const encode = (
  pass: GPUComputePassEncoder,
  { pipeline, workgroups, at }: Dispatch,
  { groups }: Bound,
): void => {
  pass.setPipeline(pipeline.compiled!)
  pass.setBindGroup(0, groups[at])
  pass.dispatchWorkgroups(...workgroups)
}

/** After a rejected submission: encodes each dispatch alone to see which one is at fault. */
export const culprit = (gpu: GPUDevice, faults: Faults, dispatches: readonly Dispatch[], bound: Bound): Blame => {
  const rejected = (dispatch: Dispatch): boolean => {
    const alone: Outcome = { error: null }
    faults.during(
      alone,
      () => nobody,
      () => {
        const encoder = gpu.createCommandEncoder()
        const pass = encoder.beginComputePass()
        encode(pass, dispatch, bound)
        pass.end()
        encoder.finish()
      },
    )
    return alone.error !== null
  }
  return (dispatches.find(rejected) ?? dispatches[0])?.blame() ?? nobody
}
