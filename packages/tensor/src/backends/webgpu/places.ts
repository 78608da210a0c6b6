/**
 * Which buffers of a program lie in the device's arena: its intermediates, where its schedule put them; and, behind them,
 * small results that its kernels use. These are copied into the caller's memory at the end, so that the program's bind
 * groups stay the same whatever memory that is; a large result is computed where the caller finds it.
 */
import { kernelSteps, type Program } from '../../compile/program.ts'

/** Results of at most so many bytes are copied out. */
const COPIED = 1 << 16
const ALIGNMENT = 256
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

export interface Place {
  readonly slab: number
  readonly offset: number
}
export interface Places {
  /** By buffer of the program; null for memory of its own. */
  readonly of: readonly (Place | null)[]
  /** Bytes of the slabs, results that are copied out included. */
  readonly slabs: readonly number[]
}

export const placesOf = (program: Program, largest: number): Places => {
  const slabs = program.slabs.map(aligned)
  const bound = new Set(kernelSteps(program.steps).flatMap((s) => s.buffers))
  const behind = (bytes: number): Place => {
    const last = slabs.length - 1
    const offset = slabs[last] ?? Infinity
    if (offset + aligned(bytes) > largest) return { slab: slabs.push(aligned(bytes)) - 1, offset: 0 }
    slabs[last] = offset + aligned(bytes)
    return { slab: last, offset }
  }
  const of = program.buffers.map(({ source, bytes }, i): Place | null => {
    if (source.kind === 'slot') return source
    return source.kind === 'output' && bytes <= COPIED && bound.has(i) ? behind(bytes) : null
  })
  return { of, slabs }
}
