/** For tests: compiles printed kernels, runs them on host arrays, and compares them with the interpreter. */
import * as E from '../../../base/either.ts'
import { dtypes } from '../../../base/dtype.ts'
import { isHalf } from '../../../base/rounding.ts'
import { interpret } from '../../../loops/interpret.ts'
import type { Kernel } from '../../../loops/kernel.ts'
import { sample, uniforms } from '../../wasm/printer/running.support.ts'
import { createMemory, type NativeMemory } from '../memory.ts'
import { runSideBySide } from '../commands.ts'
import { openStore } from '../../engine/store.ts'
import { createObjects } from '../objects.ts'
import { runtime } from '../runtime.ts'
import type { NativeFunction } from '../library.ts'
import { loadSystem } from '../system.ts'
import { findToolchain, noAnswers, runInTurn } from '../toolchain.ts'
import { type DotChoice, type Printed, printKernel, sourceOf } from './kernel.ts'

export interface Case {
  readonly kernel: Kernel
  readonly seed: number
  readonly tolerance?: number
}
/** A kernel that is compiled: runs it over `data` in place, its units cut at fractions of their number. */
export type Run = (data: readonly Float64Array[], cuts?: readonly number[]) => void

export interface Trial {
  readonly width: number
  /** `choices`: how each is cut, where it is a product; as shipped where nothing is said. */
  readonly compile: (kernels: readonly Kernel[], choices?: readonly (DotChoice | null)[]) => readonly Run[]
  /** Whether all write what the interpreter writes, within the tolerance of f32. */
  readonly agree: (cases: readonly Case[]) => void
}

const PAD = 128
const right = <A>(e: E.Either<unknown, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const runner =
  (memory: NativeMemory, kernel: Kernel, parts: readonly { printed: Printed; f: NativeFunction }[]): Run =>
  (data, cuts = []) => {
    const sizes = kernel.buffers.map(({ size, dtype }) => dtypes[dtype].bytes * size)
    const scratch = Math.max(...parts.map((p) => p.printed.scratchBytes))
    const lengths = [...sizes, scratch].map((n) => Math.ceil(n / 64) * 64 + PAD)
    const block = memory.take(lengths.reduce((n, l) => n + l, PAD))!
    let end = block.start + PAD
    const at = lengths.map((l) => (end += l) - l)
    // NaN, as f32: what is read outside of a buffer must not matter
    memory.write(block, new Uint32Array(block.bytes / 4).fill(0xffffffff), 'u32')
    kernel.buffers.forEach(({ dtype }, i) =>
      memory.write(
        { start: at[i]!, bytes: sizes[i]! },
        dtypes[dtype].allocate(data[i]!.length).map((_, j) => data[i]![j]!),
        dtype,
      ),
    )
    for (const { printed, f } of parts) {
      const ends = [...cuts.map((c) => Math.floor(c * printed.units)), printed.units].sort((x, y) => x - y)
      let from = 0
      for (const to of ends) {
        f(memory.base(), Float64Array.from([from, to, ...at]))
        from = to
      }
    }
    kernel.buffers.forEach(({ dtype, size }, i) => {
      data[i]!.set(memory.read({ start: at[i]!, bytes: sizes[i]! }, { shape: [size], dtype }))
      const after = at[i]! + Math.ceil(sizes[i]! / 4) * 4
      const rest = memory.read({ start: after, bytes: PAD / 2 }, { shape: [PAD / 8], dtype: 'u32' })
      if (rest.some((w) => w !== 0xffffffff)) throw new Error(`${kernel.name}: wrote past the end of buffer ${i}`)
    })
    const after = memory.read(
      { start: at.at(-1)! + 4 * Math.ceil(scratch / 4), bytes: PAD / 2 },
      { shape: [PAD / 8], dtype: 'u32' },
    )
    if (after.some((w) => w !== 0xffffffff)) throw new Error(`${kernel.name}: wrote past the end of its scratch`)
    memory.give(block)
  }

const differences = (
  kernel: Kernel,
  want: readonly Float64Array[],
  got: readonly Float64Array[],
  tolerance: number,
): void =>
  kernel.buffers.forEach(({ dtype }, b) => {
    let flips = 0
    want[b]!.forEach((w, i) => {
      const g = got[b]![i]!
      if (Object.is(w, g) || w === g) return
      if ((dtype === 'f32' || isHalf(dtype)) && Math.abs(w - g) <= tolerance * (1 + Math.abs(w))) return
      if (dtype === 'bool' && ++flips <= 1 + want[b]!.length / 50) return // a comparison of rounded values
      throw new Error(`${kernel.name}: buffer ${b} (${dtype}) at ${i}: ${g}, interpreted ${w}`)
    })
  })

/** Null where there is no compiler. */
export const openTrial = async (): Promise<Trial | null> => {
  const system = await loadSystem()
  const toolchain = findToolchain(system, noAnswers)
  if (E.isLeft(toolchain)) return null
  const { width } = toolchain.right
  const store = openStore(system)
  const common = createObjects(system, toolchain.right, store, runInTurn(system))
  const { library: shared } = right(common.of([{ shared: [runtime], own: () => '' }]))[0]!
  const objects = createObjects(system, toolchain.right, store, runSideBySide(system, shared))
  const memory = createMemory(shared, 2 ** 30)
  const compile: Trial['compile'] = (kernels, choices) => {
    const printed = kernels.map((kernel, i) => printKernel(kernel, width, () => choices?.[i] ?? null))
    const loaded = right(objects.of(printed.map((parts) => sourceOf(width, parts))))
    return printed.map((parts, i) => {
      const { library, name } = loaded[i]!
      return runner(
        memory,
        kernels[i]!,
        parts.map((p, j) => ({ printed: p, f: library.func(`${name}${j}`, 'void', ['void *', 'void *']) })),
      )
    })
  }
  return {
    width,
    compile,
    agree: (cases) => {
      const runs = compile(cases.map((c) => c.kernel))
      cases.forEach(({ kernel, seed, tolerance = 2e-4 }, c) => {
        const next = uniforms(seed)
        const data = kernel.buffers.map(({ dtype, size }) =>
          Float64Array.from({ length: size }, () => sample[dtype](next())),
        )
        const expected = data.map((d) => d.slice())
        interpret(kernel, expected)
        runs[c]!(data, [next(), next()])
        differences(kernel, expected, data, tolerance)
      })
    },
  }
}
