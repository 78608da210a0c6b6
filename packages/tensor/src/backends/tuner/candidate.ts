/** What a tuner chooses among, and how it finds again what it chose. */
import type { DotKernel } from '../../loops/kernel.ts'

/** One way to cut a product. Candidates of a product add up in the same order: none changes a bit. */
export interface Candidate<C> {
  /** Tells it from the others of the same product. */
  readonly name: string
  readonly choice: C
}

/** The choice of a name; null for the first, which is what each product of the kind is shipped with, by its own extents. */
export const chosen = <C>(candidates: readonly Candidate<C>[], winner: string): C | null => {
  const at = candidates.findIndex(({ name }) => name === winner)
  return at > 0 ? candidates[at]!.choice : null
}

/** A product that was measured: its key, and its candidates with the code that each of them is. */
export interface Contest {
  readonly key: string
  readonly names: readonly string[]
  readonly code: readonly string[]
}

/** Winners of contests, beyond the life of a device. */
export interface Winners {
  /** The name of the winner; null where it is not known. */
  readonly recall: (contest: Contest) => string | null
  readonly remember: (contest: Contest, winner: string) => void
}

export interface Tuner<C> {
  /** How to cut a product; null: as it is cut without a tuner. Measures products of a kind that is new. */
  readonly choose: (kernel: DotKernel) => C | null
  /** Products measured so far. */
  readonly measured: () => number
}

/** Measures nothing, and cuts all as they are shipped. */
export const untuned: Tuner<never> = { choose: () => null, measured: () => 0 }
