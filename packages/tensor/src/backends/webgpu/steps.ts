/** A program's steps as WebGPU takes them: kernels with their pipelines, and the bind groups that say over which memory. */
import type { DotKernel } from '../../loops/kernel.ts'
import { type DotChoice, gated, printKernel, type Shader, type Tuning } from './printer/index.ts'
import { kernelSteps, type Program, type Step } from '../../loops/program.ts'
import { describeSite } from '../../base/site.ts'
import type { BindGroups, Range } from './bindings.ts'
import { bothAccess, bothShader, copyAccess, copyShader } from './copies.ts'
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
  /** How many rounds, at most where a flag ends it. */
  readonly trips: number
  readonly flag: Flag | null
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
  /** What each step of the program has become; nothing, where there is nothing to do. */
  readonly parts: readonly (readonly GpuStep[])[]
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

/** Rounds that are sent before a flag is asked: where there are no more than that, it never is. */
export const CHUNK = 16
/** Whether the host has to ask a flag before it can go on. */
const asks = (step: Step): boolean =>
  step.kind === 'loop' && ((step.flag !== null && step.trips > CHUNK) || step.steps.some(asks))
/** How many flags can be open at one time, one inside the other. */
const nesting = (step: Step): number =>
  step.kind === 'loop' ? Math.max(0, ...step.steps.map(nesting)) + (step.flag === null ? 0 : 1) : 0

/** The buffers of a program's gates: as many as loops that flags end are inside of one another. They come after all others. */
export const gatesOf = ({ buffers, steps }: Program): readonly number[] =>
  Array.from({ length: Math.max(0, ...steps.map(nesting)) }, (_, depth) => buffers.length + depth)

/** Where a step is. */
interface Context {
  /** Inside of a loop, where a copy is a kernel: the round stays one pass. */
  readonly looped: boolean
  /** The buffer of the gate in whose loop it is. */
  readonly gate: number | null
  /** The gates that are free. */
  readonly gates: readonly number[]
}

/**
 * Prints the kernels and starts to compile them. Kernels with nothing to do are left out. What lies in the arena is bound
 * writable whether it is written or not: a buffer may not be bound read-only and writable in one dispatch.
 */
export const prepare = (
  program: Program,
  places: Places,
  pipelines: Pipelines,
  tuning: Tuning,
  choose: (dot: DotKernel) => DotChoice | null,
): Prepared => {
  const dispatches: Dispatch[] = []
  const slabOf = (buffer: number): number | null => places.of[buffer]?.slab ?? null
  const dispatch = (
    shader: Shader,
    access: string,
    buffers: readonly number[],
    gate: number | null,
    { op, blame }: { readonly op: string; readonly blame: () => Blame },
    counts = false,
  ): Dispatch => {
    const guarded = gate === null ? shader : gated(shader, buffers.length)
    const made: Dispatch = {
      kind: 'dispatch',
      blame,
      pipeline: pipelines.of(guarded, gate === null ? access : `${access}r`, op),
      workgroups: shader.workgroups,
      buffers: gate === null ? buffers : [...buffers, gate],
      counts,
      at: dispatches.length,
    }
    dispatches.push(made)
    return made
  }
  const copying = { op: 'copy', blame: () => ({ op: 'a copy', site: '' }) }
  const copy = (from: number, to: number, bytes: number, gate: number | null): Dispatch =>
    dispatch(copyShader(bytes), copyAccess, [from, to], gate, copying)
  /** Sets a gate to a flag; to 0 where it is inside of a loop whose own gate is closed. */
  const setGate = (flag: number, gate: number, around: number | null): Dispatch =>
    around === null
      ? copy(flag, gate, 4, null)
      : dispatch(bothShader, bothAccess, [flag, around, gate], null, { ...copying, op: 'gate' })
  const prepared = (step: Step, context: Context): readonly GpuStep[] => {
    switch (step.kind) {
      case 'copy': {
        const { from, to, bytes } = step
        if (from === to || bytes === 0) return []
        const apart = slabOf(from) === null || slabOf(from) !== slabOf(to)
        return [apart && !context.looped ? step : copy(from, to, bytes, context.gate)]
      }
      case 'kernel': {
        const { buffers, site } = step
        const bound = step.kernel.buffers.map((b, i) => ({ ...b, write: b.write || slabOf(buffers[i]!) !== null }))
        // by the kernel as the tuner was told of it: what lies in the arena is bound otherwise, and is the same product
        const { kernel } = step
        const chosen = (): DotChoice | null => (kernel.kind === 'dot' ? choose(kernel) : null)
        const shader = printKernel({ ...kernel, buffers: bound }, tuning, chosen)
        if (shader.workgroups.includes(0)) return []
        const access = bound.map((b) => (b.write ? 'w' : 'r')).join('')
        const { name: op } = step.kernel
        const blame = (): Blame => ({ op, site: describeSite(site) })
        return [dispatch(shader, access, buffers, context.gate, { op, blame }, true)]
      }
      case 'loop': {
        const { trips, flag } = step
        const asked = flag !== null && step.steps.some(asks)
        const [next, ...free] = context.gates
        const gate = flag === null || asked ? null : next!
        const inside: Context = gate === null ? { ...context, looped: true } : { looped: true, gate, gates: free }
        const steps = step.steps.flatMap((s) => prepared(s, inside))
        if (flag === null) return steps.length === 0 ? [] : [{ kind: 'rounds', trips, flag, steps }]
        const set = gate === null ? null : setGate(flag, gate, context.gate)
        return [{ kind: 'rounds', trips, flag: { buffer: flag, gate: set }, steps }]
      }
    }
  }
  const parts = program.steps.map((s) => prepared(s, { looped: false, gate: null, gates: gatesOf(program) }))
  return { parts, dispatches }
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
