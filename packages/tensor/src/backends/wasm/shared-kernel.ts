/** Kernels whose units threads share, and what the threads of a wasm device do with them. */
import type { KernelFunction } from '../linear/machine.ts'

/** A module whose kernels can be shared, and the memory that they work on. */
export interface SharedModule {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  /** The number of its first kernel, and how many it has. */
  readonly first: number
  readonly count: number
}
export interface SharedKernel {
  readonly of: SharedModule
  readonly number: number
  readonly here: KernelFunction
  readonly units: number
  /** Operations on vectors, about. */
  readonly work: number
  /** Most threads that are worth it, this one included; scratch is for so many, `stride` bytes each. */
  readonly threads: number
  readonly stride: number
}

export interface Threads {
  /** Numbers for so many kernels: the first of them. */
  readonly numbers: (count: number) => number
  /** Runs all units of a kernel, here and on the threads that are at hand. */
  readonly run: (kernel: SharedKernel, args: readonly number[]) => void
  /** No thread is to hold this memory any longer. */
  readonly forget: (memory: WebAssembly.Memory) => void
  /** Workers at hand, and jobs so far that they had a part in. */
  readonly stats: () => { readonly workers: number; readonly joined: number }
}
