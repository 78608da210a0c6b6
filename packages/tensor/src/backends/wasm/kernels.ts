/** Compiled kernels of a device: each distinct kernel is printed and compiled once, however many programs use it. */
import { encodeModule } from './printer/encode.ts'
import { kernelKey } from '../linear/key.ts'
import { type Printed, printKernel } from './printer/kernel.ts'
import type { CompiledKernel, KernelFunction, Kernels } from '../linear/machine.ts'
import { bounded } from '../../base/bounded.ts'

/**
 * What is remembered, in modules and in bytes of them. A function keeps its whole module alive, so that modules go as a
 * whole, the one used longest ago first; functions stay alive in the programs that have them.
 */
const REMEMBERED = { count: 1024, bytes: 2 ** 24 } as const
/** Bytes of machine code to one of a module, about. */
const EXPANSION = 8

export const createKernels = (
  memory: () => WebAssembly.Memory,
  { count, bytes: most }: { readonly count: number; readonly bytes: number } = REMEMBERED,
): Kernels => {
  const known = new Map<string, { readonly functions: readonly CompiledKernel[]; readonly module: number }>()
  const modules = bounded<number, readonly string[]>({
    count,
    bytes: most,
    dropped: (keys) => keys.forEach((key) => known.delete(key)),
  })
  let made = 0

  const compile = (fresh: ReadonlyMap<string, readonly Printed[]>): void => {
    if (fresh.size === 0) return
    const bytes = encodeModule(
      [...fresh.values()].flat().map((p) => p.run),
      { shared: false },
    )
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: memory() } })
    const module = made++
    const functions = [...fresh.values()].reduce((n, printed) => n + printed.length, 0)
    let next = 0
    for (const [key, printed] of fresh)
      known.set(key, {
        module,
        functions: printed.map(({ units, scratchBytes }) => ({
          call: exports[String(next++)] as KernelFunction,
          units,
          scratchBytes,
          bytes: Math.ceil((EXPANSION * bytes.length) / functions),
        })),
      })
    modules.set(module, [...fresh.keys()], bytes.length)
  }
  return {
    of: (kernels) => {
      const keys = kernels.map(kernelKey)
      // Those that this program uses are the last to go.
      for (const key of keys) modules.get(known.get(key)?.module ?? -1)
      const fresh = new Map<string, readonly Printed[]>()
      const found = new Map<string, readonly CompiledKernel[]>()
      keys.forEach((key, i) => {
        const have = known.get(key)
        if (have !== undefined) found.set(key, have.functions)
        else if (!fresh.has(key)) fresh.set(key, printKernel(kernels[i]!))
      })
      compile(fresh)
      return keys.map((key) => found.get(key) ?? known.get(key)!.functions)
    },
    made: () => made,
    clear: () => {
      known.clear()
    },
  }
}
