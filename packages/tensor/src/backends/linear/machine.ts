/** What a device in linear memory is made of: its memory, and its kernels as functions over addresses. */
import type { DType, HostArray } from '../../base/dtype.ts'
import type { Aval } from '../../base/aval.ts'
import type { Capabilities } from '../../compile/capabilities.ts'
import type { Assembly, Device } from '../../graph/device.ts'
import type { Kernel } from '../../loops/kernel.ts'
import type { Blame } from '../blame.ts'
import type { Ground } from './ground.ts'
import type { Block } from './heap.ts'

/** Its memory: addresses from 0, in blocks of a heap. */
export interface LinearMemory {
  /** A block of at least so many bytes; null where there is no room. */
  readonly take: (bytes: number) => Block | null
  readonly give: (block: Block) => void
  readonly write: (block: Block, data: HostArray, dtype: DType) => void
  readonly read: (block: Block, aval: Aval) => HostArray
  readonly copy: (from: number, to: number, bytes: number) => void
  /** The four bytes at an address, as an integer. */
  readonly word: (at: number) => number
  readonly live: () => number
  readonly peak: () => number
  /** Blocks so far that reached into memory which none had used before. */
  readonly fresh: () => number
  /** Gives all of it back: nothing is left, and blocks that come back are ignored. */
  readonly giveUp: () => void
}

/** Runs units `from` to `to` of a kernel's work over the addresses of its buffers, and one of scratch. */
export type KernelFunction = (...args: readonly number[]) => void

export interface CompiledKernel {
  readonly call: KernelFunction
  readonly units: number
  readonly scratchBytes: number
  /** Bytes of its code, about. */
  readonly bytes: number
  /**
   * Where its code is, for machines that go through a program by themselves; how much work it is, in operations on vectors;
   * and how often a thread should come for units of it.
   */
  readonly native?: { readonly address: number; readonly work: number; readonly turns: number }
}

/** One thing that a call does. */
export type Run =
  | {
      readonly kind: 'kernel'
      readonly kernel: CompiledKernel
      readonly buffers: readonly number[]
      /** Where in the arena its scratch begins. */
      readonly scratch: number
      readonly args: number[]
      readonly blame: Blame
      /** 1, or 0 for what belongs to the kernel before. */
      readonly counts: number
    }
  | { readonly kind: 'copy'; readonly from: number; readonly to: number; readonly bytes: number }
  | { readonly kind: 'loop'; readonly trips: number; readonly flag: number | null; readonly runs: readonly Run[] }

/** Runs what a program does in order, over where its buffers and the arena are now; gives the kernels that ran. */
export type Walk = (starts: readonly number[], arena: number) => number

/** Its kernels: each distinct one is compiled once, however many programs use it. */
export interface Kernels {
  /** The functions of each kernel, in order; compiles those that are new. */
  readonly of: (kernels: readonly Kernel[]) => readonly (readonly CompiledKernel[])[]
  /** Objects made: modules, or libraries. */
  readonly made: () => number
  /** Forgets all. */
  readonly clear: () => void
}

export interface Machine<K extends Device['kind']> {
  readonly kind: K
  /** For people: engine or processor. */
  readonly label: string
  /** For messages: how much memory there can be at most. */
  readonly room: string
  readonly capabilities: Capabilities
  readonly memory: LinearMemory
  readonly kernels: Kernels
  /** How it goes through a program; kernel by kernel from here where it says nothing. */
  readonly walk?: (runs: readonly Run[]) => Walk
  /** How it puts tensors together from pieces, where it does. */
  readonly assembler?: (ground: Ground) => (aval: Aval) => Assembly
  /** Products that its tuner measured so far. */
  readonly measured: () => number
}
