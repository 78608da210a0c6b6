/**
 * Which carries of a loop are affected (have a tangent, carry a batch's axis) after any number of rounds: a carry that is
 * affected makes others so in the next round, until no more are.
 */
export const grown = (
  first: readonly boolean[],
  round: (flags: readonly boolean[]) => readonly boolean[],
): readonly boolean[] => {
  const next = round(first).map((f, i) => f || first[i]!)
  return next.every((f, i) => f === first[i]) ? first : grown(next, round)
}
