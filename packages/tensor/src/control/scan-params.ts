/** What a scan is made of, and the three kinds of its arguments. */
import type { Aval, Expr } from '../graph/expr.ts'
import type { Graph } from '../graph/graph.ts'
import { fillLike } from '../primitives/leaves.ts'

/** What the forward pass saves for the backward pass: every value that is not cheap to compute again, or the carries alone. */
export type Saved = 'values' | 'carries'

export interface ScanParams {
  readonly body: Graph
  /** Inputs of the body that are the same in every round, and those that are carried; the rest are rows. */
  readonly operands: number
  readonly carries: number
  readonly length: number
  /** From the last row to the first. */
  readonly reverse: boolean
  readonly keep: Saved
  /**
   * Outputs of the body from `results` on are rows saved for a backward pass to the arguments that are `wanted`; null where
   * nothing is.
   */
  readonly saved: { readonly results: number; readonly wanted: readonly boolean[] } | null
}

/** Inputs, arguments or whatever belongs to them, in their three kinds. */
export const kinds = <T>(
  xs: readonly T[],
  { operands, carries }: Pick<ScanParams, 'operands' | 'carries'>,
): readonly [readonly T[], readonly T[], readonly T[]] => [
  xs.slice(0, operands),
  xs.slice(operands, operands + carries),
  xs.slice(operands + carries),
]
export const stacked = ({ shape, dtype }: Aval, length: number): Aval => ({ shape: [length, ...shape], dtype })
export const rowOf = ({ shape, dtype }: Aval): Aval => ({ shape: shape.slice(1), dtype })
export const zeros = (xs: readonly Aval[]): readonly Expr[] => xs.map((x) => fillLike(x, 0))
