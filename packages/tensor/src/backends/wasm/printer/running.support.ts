/** For tests: runs a printed kernel on host arrays and compares it with the interpreter. */
import { type DType, dtypes } from '../../../base/dtype.ts'
import { isHalf, packHalves } from '../../../base/rounding.ts'
import { interpret } from '../../../loops/interpret.ts'
import type { Kernel } from '../../../loops/kernel.ts'
import { encodeModule } from './encode.ts'
import type { Printed } from './loop.ts'

const PAD = 128
type Cells = Float32Array | Int32Array | Uint32Array
const view = (dtype: DType, memory: ArrayBufferLike, at: number, n: number): Cells =>
  dtype === 'f32'
    ? new Float32Array(memory, at, n)
    : dtype === 'i32'
      ? new Int32Array(memory, at, n)
      : new Uint32Array(memory, at, n)

/** Runs a printed kernel, which stores no halves, over `data` in place, its units cut at `cuts`, the last ones first: no unit needs another. */
export const run = (
  kernel: Kernel,
  printed: Printed,
  data: readonly Float64Array[],
  cuts: readonly number[] = [],
): void => {
  const offsets: number[] = []
  let end = PAD
  for (const { size } of kernel.buffers) {
    offsets.push(end)
    end += Math.ceil((4 * size) / 64) * 64 + PAD
  }
  const scratch = end
  const memory = new WebAssembly.Memory({
    initial: Math.ceil((end + printed.scratchBytes + PAD) / 65536),
    maximum: 65536,
  })
  new Uint8Array(memory.buffer).fill(0xff) // NaN, as f32: what is read outside of a buffer must not matter
  const views = kernel.buffers.map(({ dtype, size }, i) => view(dtype, memory.buffer, offsets[i]!, size))
  views.forEach((v, i) => {
    const { dtype, size } = kernel.buffers[i]!
    if (isHalf(dtype)) packHalves(dtype, data[i]!, new Uint16Array(memory.buffer, offsets[i], size))
    else v.set(data[i]!.subarray(0, v.length))
  })
  const instance = new WebAssembly.Instance(new WebAssembly.Module(encodeModule([printed.run], { shared: false })), {
    env: { memory },
  })
  const call = instance.exports['0'] as (...args: number[]) => undefined
  const at = [0, ...cuts.filter((c) => c > 0 && c < printed.units).sort((x, y) => x - y), printed.units]
  for (let i = at.length - 1; i > 0; i--) call(at[i - 1]!, at[i]!, ...offsets, scratch)
  views.forEach((v, i) => {
    if (!isHalf(kernel.buffers[i]!.dtype)) data[i]!.set(v)
  })
  const bytes = new Uint8Array(memory.buffer)
  const demandUntouched = (from: number, what: string): void => {
    for (let b = from; b < from + PAD / 2; b++)
      if (bytes[b] !== 0xff) throw new Error(`${kernel.name}: wrote past the end of ${what}`)
  }
  kernel.buffers.forEach(({ size, dtype }, i) =>
    demandUntouched(offsets[i]! + dtypes[dtype].bytes * size, `buffer ${i}`),
  )
  demandUntouched(scratch + printed.scratchBytes, 'its scratch')
}

/** Numbers in [0, 1) from a seed. */
export const uniforms = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const sample: Readonly<Record<DType, (u: number) => number>> = {
  f32: (u) => Math.fround(4 * u - 2),
  i32: (u) => Math.floor(41 * u) - 20,
  u32: (u) => Math.floor(41 * u),
  bool: (u) => (u < 0.5 ? 1 : 0),
  f16: (u) => dtypes.f16.round(4 * u - 2),
  bf16: (u) => dtypes.bf16.round(4 * u - 2),
}

/** Whether a kernel, printed whole or as several functions, writes what the interpreter writes, within the tolerance of f32. */
export const agrees = (
  kernel: Kernel,
  printed: Printed | readonly Printed[],
  seed: number,
  tolerance = 2e-4,
): boolean => {
  const next = uniforms(seed)
  const data = kernel.buffers.map(({ dtype, size }) => Float64Array.from({ length: size }, () => sample[dtype](next())))
  const expected = data.map((d) => d.slice())
  const actual = data.map((d) => d.slice())
  interpret(kernel, expected)
  for (const part of [printed].flat())
    run(kernel, part, actual, [Math.floor(part.units * next()), Math.floor(part.units * next())])
  kernel.buffers.forEach(({ dtype }, b) => {
    let flips = 0
    expected[b]!.forEach((want, i) => {
      const got = actual[b]![i]!
      if (Object.is(want, got) || want === got) return
      if (dtype === 'f32' && Math.abs(want - got) <= tolerance * (1 + Math.abs(want))) return
      if (dtype === 'bool' && ++flips <= 1 + expected[b]!.length / 50) return // a comparison of rounded values
      throw new Error(`${kernel.name}: buffer ${b} (${dtypes[dtype].wgsl}) at ${i}: ${got}, interpreted ${want}`)
    })
  })
  return true
}

/** The first element that differs in any bit, for messages; null where there is none. */
export const difference = (got: readonly Float64Array[], want: readonly Float64Array[]): string | null => {
  for (const [b, data] of want.entries()) {
    const at = data.findIndex((x, i) => !Object.is(x, got[b]![i]))
    if (at >= 0) return `buffer ${b} at ${at}: ${got[b]![at]}, not ${data[at]}`
  }
  return null
}
