/** For tests: kernels on threads that are sure to have their part. */
import { printKernel } from './printer/kernel.ts'
import type { Kernel } from '../../loops/kernel.ts'
import { dtypes } from '../../base/dtype.ts'
import { strideOf } from '../linear/units.ts'
import { sample, uniforms } from './printer/running.support.ts'
import { encodeModule } from './printer/encode.ts'
import type { KernelFunction } from '../linear/machine.ts'
import type { SharedKernel, Threads } from './shared-kernel.ts'

const GAP = 128
const round = (bytes: number): number => Math.ceil(bytes / 64) * 64 + GAP

/** Keeps this thread busy for so many microseconds. */
export const linger = (microseconds: number): void => {
  const end = performance.now() + microseconds / 1000
  while (performance.now() < end);
}

/** A kernel over a shared memory of its own, which begins at an address of choice. */
export interface Rig {
  readonly memory: WebAssembly.Memory
  readonly kernels: readonly SharedKernel[]
  readonly args: (kernel: SharedKernel) => readonly number[]
  /** Fills all buffers from a seed. */
  readonly fill: (seed: number) => void
  readonly bytes: () => Uint8Array
}

/** `most`: threads; `slow`: microseconds that this thread takes longer for a chunk, so that others have theirs. */
export const rigOf = (threads: Threads, kernel: Kernel, most: number, slow: number, origin = GAP): Rig => {
  const printed = printKernel(kernel)
  const starts: number[] = []
  let end = origin
  for (const { size } of kernel.buffers) {
    starts.push(end)
    end += round(4 * size)
  }
  const scratch = Math.max(0, ...printed.map((p) => most * strideOf(p.scratchBytes)))
  const pages = Math.ceil((end + scratch + GAP) / 65536)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true })
  const module = new WebAssembly.Module(
    encodeModule(
      printed.map((p) => p.run),
      { shared: true },
    ),
  )
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  memory.grow(pages)
  const first = threads.numbers(printed.length)
  const of = { module, memory, first, count: printed.length }
  const kernels = printed.map((p, i): SharedKernel => {
    const f = exports[String(i)] as KernelFunction
    const here: KernelFunction = (...args) => {
      f(...args)
      linger(slow)
    }
    const { units, work, scratchBytes } = p
    return { of, number: first + i, here, units, work, threads: most, stride: strideOf(scratchBytes) }
  })
  return {
    memory,
    kernels,
    args: (k) => [0, k.units, ...starts, end],
    fill: (seed) => {
      const next = uniforms(seed)
      new Uint8Array(memory.buffer).fill(0xff) // NaN, as f32
      kernel.buffers.forEach(({ dtype, size }, i) => {
        const words =
          dtype === 'f32'
            ? new Float32Array(memory.buffer, starts[i], size)
            : new Int32Array(memory.buffer, starts[i], size)
        for (let j = 0; j < size; j++) words[j] = dtypes[dtype].round(sample[dtype](next()))
      })
    },
    bytes: () => new Uint8Array(memory.buffer, origin, end - origin).slice(),
  }
}
