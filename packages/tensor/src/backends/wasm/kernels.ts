/** Compiled kernels of a device: each distinct kernel is printed and compiled once, however many programs use it. */
import { encodeModule } from './printer/encode.ts'
import { kernelKey } from '../linear/key.ts'
import { type Printed, printKernel } from './printer/kernel.ts'
import type { CompiledKernel, KernelFunction, Kernels } from '../linear/machine.ts'
import { strideOf, threadsFor } from '../linear/units.ts'
import { bounded } from '../../base/bounded.ts'
import type { SharedModule, Threads } from './shared-kernel.ts'

/**
 * What is remembered, in modules and in bytes of them. A function keeps its whole module alive, so that modules go as a
 * whole, the one used longest ago first; functions stay alive in the programs that have them.
 */
const REMEMBERED = { count: 1024, bytes: 2 ** 24 } as const
/** Bytes of machine code to one of a module, about. */
const EXPANSION = 8
/** Where nothing is said of it. */
const REPAYS = 30_000

/** Threads to share kernels with, and how many there may be, this one included. */
export interface Sharing {
  readonly threads: Threads
  readonly most: number
  /** Operations on vectors that repay the waking of another thread. */
  readonly repays?: number
}

/** `sharing`: null where the memory is this thread's own. */
export const createKernels = (
  memory: () => WebAssembly.Memory,
  sharing: Sharing | null = null,
  { count, bytes: most }: { readonly count: number; readonly bytes: number } = REMEMBERED,
): Kernels => {
  const known = new Map<string, { readonly functions: readonly CompiledKernel[]; readonly module: number }>()
  const modules = bounded<number, readonly string[]>({
    count,
    bytes: most,
    dropped: (keys) => keys.forEach((key) => known.delete(key)),
  })
  let made = 0
  /** What other threads may hold. */
  let held: WebAssembly.Memory | null = null

  const compile = (fresh: ReadonlyMap<string, readonly Printed[]>): void => {
    if (fresh.size === 0) return
    const all = [...fresh.values()].flat()
    const encoded = encodeModule(
      all.map((p) => p.run),
      { shared: sharing !== null },
    )
    const code = new WebAssembly.Module(encoded)
    const { exports } = new WebAssembly.Instance(code, { env: { memory: memory() } })
    const module = made++
    const bytes = Math.ceil((EXPANSION * encoded.length) / all.length)
    const first = sharing?.threads.numbers(all.length) ?? 0
    held = memory()
    const of: SharedModule = { module: code, memory: held, first, count: all.length }
    let next = 0
    const compiled = (printed: Printed): CompiledKernel => {
      const { units, work, scratchBytes } = printed
      const here = exports[String(next)] as KernelFunction
      const number = first + next++
      const threads = sharing === null ? 1 : threadsFor(printed, sharing.most, sharing.repays ?? REPAYS)
      if (sharing === null || threads === 1) return { call: here, units, scratchBytes, bytes }
      const stride = strideOf(scratchBytes)
      const kernel = { of, number, here, units, work, threads, stride }
      return { call: (...args) => sharing.threads.run(kernel, args), units, scratchBytes: threads * stride, bytes }
    }
    for (const [key, printed] of fresh) known.set(key, { module, functions: printed.map(compiled) })
    modules.set(module, [...fresh.keys()], encoded.length)
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
      if (held !== null) sharing?.threads.forget(held)
      held = null
    },
  }
}
