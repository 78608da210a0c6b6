/**
 * Means and deviations of rewards, in double precision on the host: what the advantages are made of.
 *
 * A value of NaN is absent: it takes no part in any mean or deviation. All deviations are taken from one value of the list
 * first, so that rewards at r + 1e4 lose nothing to cancellation.
 */

import { optionsOf } from '@adjoint/tensor/ir'

/** How a deviation is taken and guarded: divisor n - ddof, and eps added to it. */
export interface Deviation {
  readonly ddof: 0 | 1
  readonly eps: number
}

/** TRL's choice: ddof 1, eps 1e-4. */
export const TRL_DEVIATION: Deviation = { ddof: 1, eps: 1e-4 }

/**
 * @internal The deviation, if it is one. Throws RangeError otherwise: an eps of NaN would make all advantages NaN, which
 * read as absent.
 */
export const demandDeviation = (given: Deviation): Deviation => {
  const deviation = optionsOf('advantage', given, { ddof: true, eps: true })
  const { ddof, eps } = deviation as { readonly ddof: unknown; readonly eps: unknown }
  if ((ddof === 0 || ddof === 1) && typeof eps === 'number' && eps >= 0 && eps < Infinity) return deviation
  throw new RangeError(
    `advantage: a deviation of ddof ${String(ddof)} and eps ${String(eps)}. Give ddof 0 or 1, and an eps of 0 or more.`,
  )
}

const present = (xs: readonly number[]): readonly number[] => xs.filter((x) => !Number.isNaN(x))

/** @internal How many values are there. */
export const countOf = (xs: readonly number[]): number => present(xs).length

/** @internal Deviations from the mean, NaN where absent, and the mean; null where all that is there is equal, or nothing. */
export const centre = (
  xs: readonly number[],
): { readonly deviations: readonly number[]; readonly mean: number } | null => {
  const known = present(xs)
  const origin = known[0]
  if (origin === undefined || known.every((x) => x === origin)) return null
  const shift = known.reduce((s, x) => s + (x - origin), 0) / known.length
  return { deviations: xs.map((x) => x - origin - shift), mean: origin + shift }
}

/** @internal The root of the mean square of deviations, divisor n - ddof; 0 of too few. */
export const std = (deviations: readonly number[], ddof: number): number => {
  const known = present(deviations)
  return known.length > ddof ? Math.sqrt(known.reduce((s, d) => s + d * d, 0) / (known.length - ddof)) : 0
}

/** @internal What has no advantage: 0. */
export const absentToZero = (x: number): number => (Number.isNaN(x) ? 0 : x)

/** @internal `(x - mean) / (std + eps)` of a list; 0 where a value is absent, and everywhere where all are equal. */
export const zScore = (deviation: Deviation) => {
  const { ddof, eps } = demandDeviation(deviation)
  return (xs: readonly number[]): readonly number[] => {
    const centred = centre(xs)
    if (centred === null) return xs.map(() => 0)
    const scale = std(centred.deviations, ddof) + eps
    return centred.deviations.map((d) => absentToZero(d / scale))
  }
}
