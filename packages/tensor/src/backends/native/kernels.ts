/** Compiled kernels of a native device: each distinct kernel is printed and compiled once, however many programs use it. */
import * as E from '../../base/either.ts'
import { bounded } from '../../base/bounded.ts'
import { type DeviceError, DeviceFailure } from '../../graph/device.ts'
import type { DotKernel, Kernel } from '../../loops/kernel.ts'
import { kernelKey } from '../linear/key.ts'
import { LINE } from '../linear/heap.ts'
import type { CompiledKernel, Kernels } from '../linear/machine.ts'
import type { Loaded, Objects } from './objects.ts'
import { type DotChoice, type Printed, printKernel, sourceOf } from './printer/kernel.ts'
import { explainFailure, type ToolchainFailure } from './toolchain.ts'

/** What is remembered, in libraries and in bytes of them; a function keeps its library loaded. */
const REMEMBERED = { count: 1024, bytes: 2 ** 26 } as const

const notCompiled = (kernels: readonly Kernel[], failure: ToolchainFailure): DeviceError => ({
  _tag: 'Validation',
  message: `the native device could not compile a program: ${explainFailure(failure)}`,
  op: kernels.map((k) => k.name).join(', '),
  site: '',
})

interface Compiled {
  readonly functions: readonly CompiledKernel[]
  readonly bytes: number
}

/** Compiles printed kernels, those of each source together. */
export const compilePrinted =
  (objects: Objects, base: () => unknown, width: number, threads: number) =>
  (sources: readonly (readonly Printed[])[]): E.Either<ToolchainFailure, readonly Compiled[]> => {
    const functionsOf = ({ library, name, bytes }: Loaded, printed: readonly Printed[]): readonly CompiledKernel[] =>
      printed.map(({ units, scratchBytes, work, turns }, i) => {
        const f = library.func(`${name}${i}`, 'void', ['void *', 'void *'])
        let at = new Float64Array(8)
        return {
          call: (...args) => {
            if (at.length < args.length) at = new Float64Array(args.length)
            at.set(args)
            f(base(), at)
          },
          units,
          // each thread has its own
          scratchBytes: threads * LINE * Math.ceil(scratchBytes / LINE),
          bytes,
          native: { address: Number(library.symbol(`${name}${i}`)), work, turns },
        }
      })
    const loaded = objects.of(sources.map((printed) => sourceOf(width, printed)))
    if (E.isLeft(loaded)) return loaded
    return E.right(
      loaded.right.map((library, i) => ({ functions: functionsOf(library, sources[i]!), bytes: library.bytes })),
    )
  }

/** `choose`: how a product is cut, the same whenever it is asked; null as it is shipped. */
export const createKernels = (
  compile: ReturnType<typeof compilePrinted>,
  width: number,
  choose: (dot: DotKernel) => DotChoice | null,
): Kernels => {
  let known = bounded<string, readonly CompiledKernel[]>(REMEMBERED)
  let made = 0
  return {
    of: (kernels: readonly Kernel[]) => {
      const keys = kernels.map(kernelKey)
      const found = new Map<string, readonly CompiledKernel[]>()
      const fresh = new Map<string, readonly Printed[]>()
      keys.forEach((key, i) => {
        if (found.has(key) || fresh.has(key)) return
        const have = known.get(key)
        if (have !== undefined) found.set(key, have)
        else fresh.set(key, printKernel(kernels[i]!, width, choose))
      })
      const compiled = compile([...fresh.values()])
      if (E.isLeft(compiled)) throw new DeviceFailure(notCompiled(kernels, compiled.left))
      ;[...fresh].forEach(([key], i) => {
        const { functions, bytes } = compiled.right[i]!
        found.set(key, functions)
        known.set(key, functions, bytes)
        made++
      })
      return keys.map((key) => found.get(key)!)
    },
    made: () => made,
    clear: () => {
      known = bounded(REMEMBERED)
    },
  }
}
