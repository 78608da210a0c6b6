/** The tuner of a device in linear memory: runs each candidate there, over blocks of its heap that it gives back. */
import { dtypes, type HostArray } from '../../base/dtype.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import type { Blame } from '../blame.ts'
import type { Block } from '../linear/heap.ts'
import type { CompiledKernel, LinearMemory, Run, Walk } from '../linear/machine.ts'
import { type Candidate, chosen, type Contest, type Tuner, type Winners } from './candidate.ts'
import { dotKey, keyText, typical } from './dot-key.ts'
import { bytesIn, numbers, sameBytes } from './numbers.ts'
import { race } from './race.ts'

/** What a device tunes with. `P`: a kernel as it prints it. */
export interface Parts<C, P> {
  /** The first is what is shipped. */
  readonly candidates: (kernel: DotKernel) => readonly Candidate<C>[]
  readonly print: (kernel: DotKernel, choice: C) => P
  /** All that the device runs of it, as text. */
  readonly codeOf: (printed: P) => string
  /** Null where that fails. */
  readonly compile: (printed: readonly P[]) => readonly (readonly CompiledKernel[])[] | null
  readonly memory: LinearMemory
  readonly walk: (runs: readonly Run[]) => Walk
  /** Null where nothing outlives the device. */
  readonly winners: Winners | null
}

/** What is timed takes so long at least, ms: clocks of browsers are coarse. */
const SAMPLE = 0.4
/** Until so long has passed a candidate runs unseen, ms: engines compile once more what is run often. */
const WARM = 10
const MOST_REPEATS = 4096

const tuning: Blame = { op: 'a product that is measured', site: null }

/** The winner's place; null where it cannot be measured: there is no memory for it, say. */
const measure = <C, P>(
  { compile, memory, walk }: Parts<C, P>,
  kernel: DotKernel,
  printed: readonly P[],
): number | null => {
  const functions = compile(printed)
  if (functions === null) return null
  const scratch = Math.max(0, ...functions.flat().map((f) => f.scratchBytes))
  const blocks: Block[] = []
  const take = (bytes: number): Block | null => {
    const block = memory.take(bytes)
    if (block !== null) blocks.push(block)
    return block
  }
  try {
    const buffers = kernel.buffers.map(({ dtype, size }) => take(dtypes[dtype].bytes * size))
    const work = take(scratch)
    if (work === null || buffers.includes(null)) return null
    const starts = buffers.map((b) => b!.start)
    kernel.buffers.forEach(({ dtype, size, read }, i) => {
      if (read) memory.write(buffers[i]!, numbers(size, dtype), dtype)
    })
    const walkOf = (some: readonly CompiledKernel[], repeats: number): (() => void) => {
      const runs = some.map((kernel): Run => {
        const args = [0, kernel.units, ...starts.map(() => 0), 0]
        return { kind: 'kernel', kernel, buffers: starts.map((_, i) => i), scratch: 0, args, blame: tuning, counts: 0 }
      })
      const made = walk(Array.from({ length: repeats }, () => runs).flat())
      return () => void made(starts, work.start)
    }
    const once = (run: () => void): number => {
      const start = performance.now()
      run()
      return performance.now() - start
    }
    const out = kernel.buffers.findIndex((b) => b.write)
    const { size, dtype } = kernel.buffers[out]!
    let shipped: HostArray | null = null
    let least = Infinity
    // One that gave other bits is no candidate, whatever was thought when it was made.
    const entrants = functions.flatMap((some, i) => {
      const run = walkOf(some, 1)
      const began = performance.now()
      for (let times = 0; times < 2 || performance.now() - began < WARM; times++) {
        const took = once(run)
        if (i === 0) least = Math.min(least, took)
      }
      const result = memory.read(buffers[out]!, { shape: [size], dtype })
      shipped ??= result
      return sameBytes(bytesIn(shipped), bytesIn(result)) ? [i] : []
    })
    const repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(SAMPLE / Math.max(least, 1e-4))))
    const runs = entrants.map((i) => walkOf(functions[i]!, repeats))
    const racing = race(entrants.length)
    let step = racing.next()
    while (step.done !== true) step = racing.next(once(runs[step.value]!))
    return entrants[step.value]!
  } finally {
    blocks.forEach(memory.give)
  }
}

export const linearTuner = <C, P>(parts: Parts<C, P>): Tuner<C> => {
  const known = new Map<string, C | null>()
  let measured = 0
  const find = (key: string, kernel: DotKernel): C | null => {
    const candidates = parts.candidates(kernel)
    const printed = candidates.map(({ choice }) => parts.print(kernel, choice))
    const code = printed.map(parts.codeOf)
    // Choices that come to the same code are one.
    const apart = code.flatMap((text, i) => (code.indexOf(text) === i ? [i] : []))
    if (apart.length === 1) return null
    const contest: Contest = {
      key,
      names: apart.map((i) => candidates[i]!.name),
      code: apart.map((i) => code[i]!),
    }
    const recalled = parts.winners?.recall(contest) ?? null
    if (recalled !== null) return chosen(candidates, recalled)
    const winner = measure(
      parts,
      kernel,
      apart.map((i) => printed[i]!),
    )
    if (winner === null) return null
    measured++
    const { name } = candidates[apart[winner]!]!
    parts.winners?.remember(contest, name)
    return chosen(candidates, name)
  }
  return {
    choose: (kernel) => {
      const { batch, m, n, k } = kernel
      if ([...batch, m, n, k].some((x) => x.extent === 0)) return null
      const key = dotKey(kernel)
      const text = keyText(key)
      const before = known.get(text)
      if (before !== undefined) return before
      const found = find(text, typical(key))
      known.set(text, found)
      return found
    },
    measured: () => measured,
  }
}
