/** Compiled kernels of a device: each distinct kernel is printed and compiled once, however many programs use it. */
import { encodeModule } from '../../codegen/wasm/encode.ts'
import { kernelKey } from '../../codegen/wasm/key.ts'
import { type Printed, printKernel } from '../../codegen/wasm/kernel.ts'
import type { Kernel } from '../../codegen/kernel.ts'

export type KernelFunction = (...args: readonly number[]) => void

export interface CompiledKernel {
  readonly call: KernelFunction
  readonly units: number
  readonly scratchBytes: number
}

export interface Kernels {
  /** The functions of each kernel, in order; compiles those that are new, in one module. */
  readonly of: (kernels: readonly Kernel[]) => readonly (readonly CompiledKernel[])[]
  /** Modules made. */
  readonly made: () => number
}

/** Kernels remembered; the oldest go first, and stay alive in the programs that have them. */
const REMEMBERED = 4096

export const createKernels = (memory: WebAssembly.Memory): Kernels => {
  const known = new Map<string, readonly CompiledKernel[]>()
  let made = 0

  const compile = (fresh: ReadonlyMap<string, readonly Printed[]>): void => {
    if (fresh.size === 0) return
    const bytes = encodeModule(
      [...fresh.values()].flat().map((p) => p.run),
      { shared: false },
    )
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
    made++
    let next = 0
    for (const [key, functions] of fresh)
      known.set(
        key,
        functions.map(({ units, scratchBytes }) => ({
          call: exports[String(next++)] as KernelFunction,
          units,
          scratchBytes,
        })),
      )
  }
  return {
    of: (kernels) => {
      const keys = kernels.map(kernelKey)
      const fresh = new Map<string, readonly Printed[]>()
      keys.forEach((key, i) => {
        if (!known.has(key) && !fresh.has(key)) fresh.set(key, printKernel(kernels[i]!))
      })
      compile(fresh)
      const compiled = keys.map((key) => known.get(key)!)
      for (const key of known.keys()) {
        if (known.size <= REMEMBERED) break
        known.delete(key)
      }
      return compiled
    },
    made: () => made,
  }
}
