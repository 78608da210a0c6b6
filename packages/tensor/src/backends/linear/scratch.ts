/**
 * Where the kernels of a program have their scratch: in bytes of its slab that hold nothing while the kernel runs. So scratch
 * costs memory only where it does not fit beside what lives then, and most kernels need theirs far from the peak.
 *
 *     step             0    1    2      a lives at steps 0 and 1, b at 1 and 2; the slab has 768 bytes
 *     bytes   0..511   a    a    .      the scratch of step 2, 512 bytes, takes the bytes of a
 *     bytes 512..767   .    b    b      that of step 1 stands behind the slab, from byte 768
 *
 * The lives follow from the program: a slot lives from the first step that names it to the last. A loop names what its steps
 * name. A slot that no step around a loop names is the loop's own, and lives within a round: who reads it there finds what the
 * same round wrote.
 */
import { aligned, gapIn, type Placed } from '../../compile/memory/arena.ts'
import type { Program, Step } from '../../loops/program.ts'

export interface Scratch {
  /** The first byte of each kernel's scratch in the slab, in the order of `kernelSteps`; 0 where it needs none. */
  readonly offsets: readonly number[]
  /** Bytes of the slab with the scratch. */
  readonly bytes: number
}

const buffersOf = (step: Step): readonly number[] => {
  switch (step.kind) {
    case 'kernel':
      return step.buffers
    case 'copy':
      return [step.from, step.to]
    case 'loop':
      return [...step.steps.flatMap(buffersOf), ...(step.flag === null ? [] : [step.flag])]
  }
}

/** `needs`: bytes of scratch of each kernel, in the order of `kernelSteps`. Of programs with one slab. */
export const placeScratch = ({ buffers, steps, slabs }: Program, needs: readonly number[]): Scratch => {
  const offsets: number[] = []
  let bytes = slabs[0] ?? 0

  /** `around`: the slots that live while all of these steps run. */
  const place = (level: readonly Step[], around: ReadonlySet<number>): void => {
    const named = level.map((step) => new Set(buffersOf(step)))
    const lives = new Map<number, Placed['life']>()
    named.forEach((some, i) => some.forEach((b) => lives.set(b, { start: lives.get(b)?.start ?? i, end: i })))
    for (const b of around) lives.set(b, { start: 0, end: level.length })
    const placed = [...lives]
      .flatMap(([b, life]): readonly Placed[] => {
        const { source, bytes: size } = buffers[b]!
        return source.kind === 'slot' ? [{ life, offset: source.offset, after: source.offset + aligned(size) }] : []
      })
      .sort((p, q) => p.offset - q.offset)
    level.forEach((step, i) => {
      if (step.kind === 'loop') {
        const throughout = [...lives].filter(([, { start, end }]) => start <= i && i <= end && start < end)
        place(step.steps, new Set(throughout.map(([b]) => b)))
      }
      if (step.kind !== 'kernel') return
      const need = needs[offsets.length]!
      const offset = need === 0 ? 0 : gapIn(placed, { start: i, end: i }, aligned(need))
      offsets.push(offset)
      if (need > 0) bytes = Math.max(bytes, offset + need)
    })
  }
  place(steps, new Set())
  return { offsets, bytes }
}
