/** Assignments made all at once, (a, b) := (b, a), as copies one after another. */

export interface Assignment<P> {
  readonly from: P
  readonly to: P
  readonly bytes: number
}

/**
 * An order in which no copy overwrites what a later one reads; none to itself. Of places that go round in a circle one is
 * saved in a place of its own first: a swap is three copies. Each place is assigned to at most once.
 */
export const inSequence = <P>(
  assignments: readonly Assignment<P>[],
  spare: (bytes: number) => P,
): readonly Assignment<P>[] => {
  let left = assignments.filter(({ from, to }) => from !== to)
  const copies: Assignment<P>[] = []
  for (let [next] = left; next !== undefined; [next] = left) {
    const free = left.find(({ to }) => !left.some((other) => other.from === to))
    if (free !== undefined) {
      copies.push(free)
      left = left.filter((a) => a !== free)
      continue
    }
    // Every place that is left is read by another: what the first would overwrite is saved.
    const { to: saved, bytes } = next
    const place = spare(bytes)
    copies.push({ from: saved, to: place, bytes })
    left = left.map((a) => (a.from === saved ? { ...a, from: place } : a))
  }
  return copies
}
