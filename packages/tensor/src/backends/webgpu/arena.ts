/**
 * The arena: what programs compute on the way lies in slabs that they share, since runs are ordered and nothing in a slab
 * outlives one. The largest slab of each program is the first of the device, the second largest its second, and so on:
 * each of the device's is as large as the largest that a program needs of it, and no larger arrangement needs less. A slab
 * that is too small is replaced: what was submitted keeps the old one until it is done, and what is submitted later binds
 * the new.
 */
import type { Block, Memory } from './memory.ts'
import type { Blame } from './faults.ts'

/** What a program needs of the arena. */
export interface Claim {
  /** Bytes of its slabs, the largest first. */
  readonly sizes: readonly number[]
  /** For each of its slabs, in its own order, the position in `sizes`. */
  readonly ranks: readonly number[]
}

export const claimOf = (slabs: readonly number[]): Claim => {
  const order = slabs.map((_, i) => i).sort((i, j) => slabs[j]! - slabs[i]!)
  return { sizes: order.map((i) => slabs[i]!), ranks: slabs.map((_, i) => order.indexOf(i)) }
}

export interface Arena {
  /** The slabs of a program, in its own order, made where there are none as large. Throws DeviceFailure where there is no memory. */
  readonly slabs: (claim: Claim, blame: (slab: number) => Blame) => readonly Block[]
  /** The program is gone: what only it needed goes too. */
  readonly end: (claim: Claim) => void
}

/** A slab this many times as large as what is needed of it is given up; a smaller excess is not worth a new one. */
const EXCESS = 2

export const arena = (memory: Memory): Arena => {
  const slabs: (Block | null)[] = []
  const claims = new Set<Claim>()
  const drop = (rank: number): void => {
    const slab = slabs[rank]
    if (slab === null || slab === undefined) return
    slabs[rank] = null
    memory.discard(slab)
  }
  const slabOf = (rank: number, bytes: number, blame: () => Blame): Block => {
    const known = slabs[rank]
    if (known !== null && known !== undefined && known.bytes >= bytes) return known
    drop(rank) // first, so that the two need not fit together
    return (slabs[rank] = memory.make(bytes, blame))
  }
  return {
    slabs: (claim, blame) => {
      claims.add(claim)
      return claim.ranks.map((rank, i) => slabOf(rank, claim.sizes[rank]!, () => blame(i)))
    },
    end: (claim) => {
      if (!claims.delete(claim)) return
      for (let rank = 0; rank < claim.sizes.length; rank++) {
        let needed = 0
        for (const { sizes } of claims) needed = Math.max(needed, sizes[rank] ?? 0)
        if ((slabs[rank]?.bytes ?? 0) > EXCESS * needed) drop(rank)
      }
    },
  }
}
