/** Compiled kernels of a device: each distinct kernel is printed and compiled once, however many programs use it. */
import { encodeModule } from './printer/encode.ts'
import { kernelKey } from '../linear/key.ts'
import { type Printed, printKernel, type Products, shippedProducts } from './printer/kernel.ts'
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

interface Compiled {
  readonly functions: readonly CompiledKernel[]
  readonly memory: WebAssembly.Memory
  /** Of its code. */
  readonly bytes: number
}

/** Printed kernels as a module. `sharing`: null where the memory is this thread's own. */
export const compileModule = (
  memory: WebAssembly.Memory,
  sharing: Sharing | null,
  printed: readonly Printed[],
): Compiled => {
  const encoded = encodeModule(
    printed.map((p) => p.run),
    { shared: sharing !== null },
  )
  const module = new WebAssembly.Module(encoded)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const bytes = Math.ceil((EXPANSION * encoded.length) / printed.length)
  const first = sharing?.threads.numbers(printed.length) ?? 0
  const of: SharedModule = { module, memory, first, count: printed.length }
  const functions = printed.map((one, i): CompiledKernel => {
    const { units, work, scratchBytes } = one
    const here = exports[String(i)] as KernelFunction
    const threads = sharing === null ? 1 : threadsFor(one, sharing.most, sharing.repays ?? REPAYS)
    if (sharing === null || threads === 1) return { call: here, units, scratchBytes, bytes }
    const stride = strideOf(scratchBytes)
    const kernel = { of, number: first + i, here, units, work, threads, stride }
    return { call: (...args) => sharing.threads.run(kernel, args), units, scratchBytes: threads * stride, bytes }
  })
  return { functions, memory, bytes: encoded.length }
}

export const createKernels = (
  memory: () => WebAssembly.Memory,
  sharing: Sharing | null = null,
  { count, bytes: most }: { readonly count: number; readonly bytes: number } = REMEMBERED,
  products: Products = shippedProducts,
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
    const { functions, bytes, memory: used } = compileModule(memory(), sharing, [...fresh.values()].flat())
    held = used
    const module = made++
    let next = 0
    for (const [key, printed] of fresh)
      known.set(key, { module, functions: functions.slice(next, (next += printed.length)) })
    modules.set(module, [...fresh.keys()], bytes)
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
        else if (!fresh.has(key)) fresh.set(key, printKernel(kernels[i]!, products))
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
