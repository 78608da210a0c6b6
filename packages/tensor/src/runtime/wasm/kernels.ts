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
  /** The functions of each kernel, in order; compiles those that are new, in one module. */
  readonly of: (kernels: readonly Kernel[]) => readonly (readonly CompiledKernel[])[]
  /** Modules made. */
  readonly made: () => number
}

const keyOf = ({ run }: Printed): string => `${run.params} ${Buffer.from(functionBytes(run)).toString('latin1')}`

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
      const printed = kernels.map((kernel) => printKernel(kernel).map((p) => ({ ...p, key: keyOf(p) })))
      const fresh = new Map<string, Printed>()
      for (const p of printed.flat()) if (!known.has(p.key)) fresh.set(p.key, p)
      compile(fresh)
      const compiled = printed.map((functions) =>
        functions.map(({ key, units, scratchBytes }) => ({ call: known.get(key)!, units, scratchBytes })),
      )
      for (const key of known.keys()) {
        if (known.size <= REMEMBERED) break
        known.delete(key)
      }
      return compiled
    },
    made: () => made,
  }
}
