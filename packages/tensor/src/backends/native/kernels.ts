/** Compiled kernels of a native device: each distinct kernel is printed and compiled once, however many programs use it. */
import * as E from 'fp-ts/lib/Either.js'
import { bounded } from '../../base/bounded.ts'
import { type DeviceError, DeviceFailure } from '../../graph/device.ts'
import type { Kernel } from '../../loops/kernel.ts'
import { kernelKey } from '../linear/key.ts'
import { LINE } from '../linear/heap.ts'
import type { CompiledKernel, Kernels } from '../linear/machine.ts'
import type { Objects } from './objects.ts'
import { type Printed, printKernel, sourceText } from './printer/kernel.ts'
import type { Library } from './system.ts'
import { explainFailure, type ToolchainFailure } from './toolchain.ts'

/** What is remembered, in libraries and in bytes of them; a function keeps its library loaded. */
const REMEMBERED = { count: 1024, bytes: 2 ** 26 } as const

/** Parts of a kernel in one source text are functions k0, k1, and so on. */
const sourceOf = (printed: readonly Printed[], width: number): string =>
  sourceText(
    width,
    printed.map((p, i) => [`k${i}`, p]),
  )

const notCompiled = (kernels: readonly Kernel[], failure: ToolchainFailure): DeviceError => ({
  _tag: 'Validation',
  message: `the native device could not compile a program: ${explainFailure(failure)}`,
  op: kernels.map((k) => k.name).join(', '),
  site: '',
})

export const createKernels = (objects: Objects, base: () => unknown, width: number, threads: number): Kernels => {
  let known = bounded<string, readonly CompiledKernel[]>(REMEMBERED)
  let made = 0

  const loaded = (library: Library, printed: readonly Printed[], bytes: number): readonly CompiledKernel[] =>
    printed.map(({ units, scratchBytes, work, turns }, i) => {
      const f = library.func(`k${i}`, 'void', ['void *', 'void *'])
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
        native: { address: Number(library.symbol(`k${i}`)), work, turns },
      }
    })
  return {
    of: (kernels: readonly Kernel[]) => {
      const keys = kernels.map(kernelKey)
      const found = new Map<string, readonly CompiledKernel[]>()
      const fresh = new Map<string, readonly Printed[]>()
      keys.forEach((key, i) => {
        if (found.has(key) || fresh.has(key)) return
        const have = known.get(key)
        if (have !== undefined) found.set(key, have)
        else fresh.set(key, printKernel(kernels[i]!, width))
      })
      const compiled = objects.of([...fresh.values()].map((printed) => sourceOf(printed, width)))
      if (E.isLeft(compiled)) throw new DeviceFailure(notCompiled(kernels, compiled.left))
      ;[...fresh].forEach(([key, printed], i) => {
        const { library, bytes } = compiled.right[i]!
        const functions = loaded(library, printed, bytes)
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
