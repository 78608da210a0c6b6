/** A binary heap: of many things, the one that comes first, while more are added. */

/** A heap. */
export interface Heap<A> {
  readonly push: (item: A) => void
  /** Takes out the item that comes before all others; undefined where there is none. */
  readonly pop: () => A | undefined
}

/** An empty heap in which `before` says which of two items comes first. */
export const maxHeap = <A>(before: (a: A, b: A) => boolean): Heap<A> => {
  // the children of i are 2 i + 1 and 2 i + 2, and come after it
  const items: A[] = []
  const swap = (i: number, j: number): void => {
    const kept = items[i]!
    items[i] = items[j]!
    items[j] = kept
  }
  return {
    push: (item) => {
      let at = items.push(item) - 1
      while (at > 0) {
        const parent = (at - 1) >> 1
        if (!before(items[at]!, items[parent]!)) return
        swap(at, parent)
        at = parent
      }
    },
    pop: () => {
      const top = items[0]
      const last = items.pop()
      if (items.length === 0 || last === undefined) return top
      items[0] = last
      for (let at = 0; ;) {
        let first = at
        for (const child of [2 * at + 1, 2 * at + 2])
          if (child < items.length && before(items[child]!, items[first]!)) first = child
        if (first === at) return top
        swap(at, first)
        at = first
      }
    },
  }
}
