/**
 * Sums in blocks. The error of adding n numbers of one sign one after the other in f32 grows as n u (u = 2^-24), and from
 * 2^24 equal numbers on the sum stands still. So no partial sum takes more than BLOCK additions: it is put by, added to a
 * sum of a higher level, and begins again from 0. With L levels the error is at most about L BLOCK u of the sum of the
 * magnitudes, L = log n / log BLOCK; with a second level in doubles it is BLOCK u, whatever n. (Pairwise summation over
 * runs of 16, as NumPy's, has (16 + log2(n / 16)) u.) Where the blocks end depends on the shape of the loops alone.
 */
import type { DType } from '../base/dtype.ts'
import type { ReduceOp } from './scalar.ts'

/** Additions in a row. */
export const BLOCK = 16

/** Whether additions of this kind round, and a partial sum must be put by. */
export const rounds = (reduction: { readonly op: ReduceOp; readonly dtype: DType }): boolean =>
  reduction.op === 'sum' && reduction.dtype === 'f32'

/** A partial sum ends after every `every` iterations of loop `loop`, counted from the outermost. */
export interface Block {
  readonly loop: number
  readonly every: number
}

/**
 * Where partial sums end in loops nested around one addition (`turns` iterations each, outermost first), from the shortest
 * to the longest; none where all the iterations are one block.
 */
export const blocksOf = (turns: readonly number[]): readonly Block[] => {
  const blocks: Block[] = []
  /** Additions that one iteration of the loop (or one block of it) makes to the partial sum at hand. */
  let additions = 1
  for (let loop = turns.length - 1; loop >= 0; loop--) {
    let every = 1
    let left = turns[loop]!
    while (additions * left > BLOCK) {
      const step = Math.max(1, Math.floor(BLOCK / additions))
      every *= step
      left = Math.ceil(left / step)
      additions = 1
      blocks.push({ loop, every })
    }
    additions *= left
  }
  return blocks
}
