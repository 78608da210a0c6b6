/** Goes through a program in one call of C, over a table of its steps (threads.ts). */
import type { Run, Walk } from '../linear/machine.ts'
import type { Library } from './library.ts'

/** Operations on vectors that repay another thread: it takes part within a microsecond, or not at all (threads.ts). */
const REPAYS = 6_000

/** Where a number of the table comes from at each call: a buffer, or the arena and an offset in it. */
interface Place {
  readonly at: number
  readonly buffer: number | null
  readonly offset: number
}

const tableOf = (
  runs: readonly Run[],
  threads: number,
): { readonly table: Float64Array; readonly places: readonly Place[] } => {
  const numbers: number[] = []
  const places: Place[] = []
  const ofBuffer = (buffer: number): number => {
    places.push({ at: numbers.length, buffer, offset: 0 })
    return numbers.push(0)
  }
  const add = (run: Run): void => {
    const start = numbers.length
    switch (run.kind) {
      case 'kernel': {
        const { kernel, buffers, scratch, counts } = run
        const { address, work, turns } = kernel.native!
        const { units } = kernel
        const sharing = Math.max(1, Math.min(threads, units, Math.floor(work / REPAYS)))
        const chunk = Math.max(1, Math.floor(units / (turns * sharing)))
        numbers.push(1, 0, address, units, sharing, kernel.scratchBytes / threads, counts, chunk, 0, units)
        buffers.forEach(ofBuffer)
        places.push({ at: numbers.length, buffer: null, offset: scratch })
        numbers.push(0)
        break
      }
      case 'copy':
        numbers.push(2, 0)
        ofBuffer(run.from)
        ofBuffer(run.to)
        numbers.push(run.bytes)
        break
      case 'loop':
        numbers.push(3, 0, run.trips)
        if (run.flag === null) numbers.push(-1)
        else ofBuffer(run.flag)
        run.runs.forEach(add)
        break
    }
    numbers[start + 1] = numbers.length - start
  }
  runs.forEach(add)
  return { table: Float64Array.from(numbers), places }
}

/**
 * The kernels that a walk calls. Its table knows them as addresses, which hold nothing, and a library goes when the last of its functions
 * is collected; so they live as long as the walk does.
 */
const called = new WeakMap<Walk, readonly Run[]>()

/** `threads`: as many as kernels have scratch for. */
export const walkInC = (library: Library, base: () => unknown, threads: number): ((runs: readonly Run[]) => Walk) => {
  const f = library.func('program_run', 'double', ['void *', 'void *', 'double', 'int'])
  return (runs) => {
    const { table, places } = tableOf(runs, threads)
    const walk: Walk = (starts, arena) => {
      for (const { at, buffer, offset } of places) table[at] = buffer === null ? arena + offset : starts[buffer]!
      return Number(f(base(), table, table.length, threads))
    }
    called.set(walk, runs)
    return walk
  }
}
