/** A scheduled program: kernels in order over numbered buffers. What a backend compiles, and what `explain` prints. */
import type { Aval } from '../base/aval.ts'
import type { Site } from '../base/site.ts'
import type { Kernel } from './kernel.ts'

export type BufferSource =
  /** The buffer of input `index`; written only where donated. */
  | { readonly kind: 'input'; readonly index: number }
  /**
   * A range of the device's arena, from byte `offset` of slab `slab`. Values whose lives do not overlap share bytes, and so do
   * all programs: what an arena holds means nothing before and after a run.
   */
  | { readonly kind: 'slot'; readonly slab: number; readonly offset: number }
  /** Allocated at each call, handed to the caller. */
  | { readonly kind: 'output' }

export interface ProgramBuffer {
  readonly source: BufferSource
  /** Bytes it must hold; always a multiple of 4, at least 4. */
  readonly bytes: number
}

export type Step =
  | { readonly kind: 'kernel'; readonly kernel: Kernel; readonly buffers: readonly number[]; readonly site: Site }
  | { readonly kind: 'copy'; readonly from: number; readonly to: number; readonly bytes: number }
  /** The same steps again and again, over the same buffers. */
  | {
      readonly kind: 'loop'
      /** How many rounds, at most where a flag ends it. */
      readonly trips: number
      /** The buffer of a bool that is asked before each round whether there is another; null for a number of them. */
      readonly flag: number | null
      readonly steps: readonly Step[]
      readonly site: Site
    }

/** All kernels among steps, those inside loops too, in order. */
export const kernelSteps = (steps: readonly Step[]): readonly Extract<Step, { readonly kind: 'kernel' }>[] =>
  steps.flatMap((s) => (s.kind === 'kernel' ? [s] : s.kind === 'loop' ? kernelSteps(s.steps) : []))

/** A schedule: the buffers and the steps, in order, that a device records once and replays. `explain` prints it. */
export interface Program {
  readonly inputs: readonly Aval[]
  readonly donated: readonly boolean[]
  readonly buffers: readonly ProgramBuffer[]
  /** Bytes that it needs of each slab of the device's arena. */
  readonly slabs: readonly number[]
  /** The most bytes of intermediates that live at one time: the slabs together hold no less. */
  readonly live: number
  readonly steps: readonly Step[]
  /** Per output: the buffer that holds it at the end (an `output`, or a donated `input`). No buffer appears twice. */
  readonly outputs: readonly { readonly buffer: number; readonly aval: Aval }[]
  /** What the last `count` outputs are: none of what was asked for, but what the host is told of after a run. */
  readonly told: {
    readonly count: number
    /** Given their values, in order. */
    readonly tell: (values: readonly (Aval & { readonly data: Float64Array })[]) => void
  } | null
}
