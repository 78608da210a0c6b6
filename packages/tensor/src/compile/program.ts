/** A scheduled program: kernels in order over numbered buffers. What a backend compiles, and what `explain` prints. */
import type { Kernel } from '../loops/kernel.ts'
import type { Aval, Expr } from '../graph/expr.ts'
import type { Site } from '../base/site.ts'

/** What is asked for: `outputs` as functions of `inputs` (placeholder leaves). */
export interface Computation {
  readonly inputs: readonly Expr[]
  readonly outputs: readonly Expr[]
  /** Per input: whether the program may overwrite its buffer. */
  readonly donated: readonly boolean[]
}

export type BufferSource =
  /** The buffer of input `index`; written only where donated. */
  | { readonly kind: 'input'; readonly index: number }
  /** Host data that the program holds. */
  | { readonly kind: 'constant'; readonly leaf: Expr }
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
}

/** What a device can do, and what it prefers: the scheduler's only knowledge of it. */
export interface Capabilities {
  /** Stores that increase an element in grid order (needs a device that runs a kernel's grid in order). */
  readonly orderedStores: boolean
  /** Longest row, in columns, that a row kernel keeps to one lane group; longer reductions are split in two stages. */
  readonly longestRow: number
  /** Independent lanes worth keeping busy: reductions with fewer rows than this are split in two stages. */
  readonly lanes: number
  /** Most buffers one kernel may bind. */
  readonly bindings: number
  /**
   * Whether an expression computed in two kernels, or at two places of one, has the same bits: not where a driver's compiler
   * may contract a product and a sum as it sees fit.
   */
  readonly reproducible: boolean
  /** Most bytes of one slab of the arena. */
  readonly slab: number
  /** Names of the templates that it has a kernel for. */
  readonly templates: ReadonlySet<string>
  /** Whether it can decide to run a part of a program or not, for less than it costs to run it. */
  readonly skips: boolean
}

/** Runs a stage of scheduling; what times them wraps it. */
export type Stage = <T>(name: string, run: () => T) => T
