/**
 * Which buffers of a program lie in the device's arena: its intermediates, where its schedule put them; and, behind them,
 * small results that bindings name. These are copied into the caller's memory at the end, so that the program's bind
 * groups stay the same whatever memory that is; a large result is computed where the caller finds it.
 */
import type { Program, Step } from '../../loops/program.ts'

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

/** The buffers that bindings name: those of kernels; inside of a loop copies are kernels too, and a flag is copied by one. */
const boundBy = (step: Step, looped: boolean): readonly number[] => {
  switch (step.kind) {
    case 'kernel':
      return step.buffers
    case 'copy':
      return looped ? [step.from, step.to] : []
    case 'loop':
      return [...(step.flag === null ? [] : [step.flag]), ...step.steps.flatMap((s) => boundBy(s, true))]
  }
}

export const placesOf = (program: Program, largest: number): Places => {
  const slabs = program.slabs.map(aligned)
  const bound = new Set(program.steps.flatMap((s) => boundBy(s, false)))
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
