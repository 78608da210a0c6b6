/** Compiled kernels of a device: one function for each distinct code, however many programs use it. */
import { encodeModule, functionBytes } from '../../codegen/wasm/encode.ts'
import { type Printed, printKernel } from '../../codegen/wasm/kernel.ts'
import type { Kernel } from '../../codegen/kernel.ts'

export type KernelFunction = (...args: readonly number[]) => void

export interface CompiledKernel {
  readonly call: KernelFunction
  readonly units: number
  readonly scratchBytes: number
}

export interface Kernels {
  /** Compiles those that are new, in one module. */
  readonly of: (kernels: readonly Kernel[]) => readonly CompiledKernel[]
  /** Modules made. */
  readonly made: () => number
}

/** Functions remembered; the oldest go first, and stay alive in the programs that have them. */
const REMEMBERED = 4096

export const createKernels = (memory: WebAssembly.Memory): Kernels => {
  const known = new Map<string, KernelFunction>()
  let made = 0

  const compile = (fresh: ReadonlyMap<string, Printed>): void => {
    if (fresh.size === 0) return
    const bytes = encodeModule(
      [...fresh.values()].map((p) => p.run),
      { shared: false },
    )
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
    made++
    ;[...fresh.keys()].forEach((key, i) => {
      known.set(key, exports[String(i)] as KernelFunction)
    })
  }
  return {
    of: (kernels) => {
      const printed = kernels.map(printKernel)
      const keys = printed.map(({ run }) => `${run.params} ${Buffer.from(functionBytes(run)).toString('latin1')}`)
      const fresh = new Map<string, Printed>()
      keys.forEach((key, i) => {
        if (!known.has(key)) fresh.set(key, printed[i]!)
      })
      compile(fresh)
      const compiled = keys.map((key, i) => ({
        call: known.get(key)!,
        units: printed[i]!.units,
        scratchBytes: printed[i]!.scratchBytes,
      }))
      for (const key of known.keys()) {
        if (known.size <= REMEMBERED) break
        known.delete(key)
      }
      return compiled
    },
    made: () => made,
  }
}
