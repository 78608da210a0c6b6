/** Flow through a network of edges of limited capacity, and where it is narrowest. */
export interface Network {
  /** A new vertex. */
  readonly vertex: () => number
  /** An edge that `capacity` may flow through. */
  readonly join: (from: number, to: number, capacity: number) => void
  /**
   * The vertices that `sink` can be reached from when as much flows from `source` as can. The edges into them are a cut of the
   * least capacity; of several such cuts, the one nearest to the sink.
   */
  readonly belowCut: (source: number, sink: number) => ReadonlySet<number>
}

export const createNetwork = (): Network => {
  // Edge e and edge e ^ 1 are one another's reverse: what flows through one may be taken back through the other.
  const target: number[] = []
  const left: number[] = []
  const edges: number[][] = []

  /** One more path with room on all of its edges, the shortest, filled; false where there is none. */
  const augment = (source: number, sink: number): boolean => {
    const through = new Map<number, number>([[source, -1]])
    const queue = [source]
    for (const v of queue) {
      if (v === sink) break
      for (const e of edges[v]!) {
        const w = target[e]!
        if (left[e]! > 0 && !through.has(w)) {
          through.set(w, e)
          queue.push(w)
        }
      }
    }
    if (!through.has(sink)) return false
    const path: number[] = []
    for (let v = sink; v !== source; v = target[path.at(-1)! ^ 1]!) path.push(through.get(v)!)
    const room = Math.min(...path.map((e) => left[e]!))
    for (const e of path) {
      left[e]! -= room
      left[e ^ 1]! += room
    }
    return true
  }
  return {
    vertex: () => edges.push([]) - 1,
    join: (from, to, capacity) => {
      edges[from]!.push(target.push(to) - 1)
      left.push(capacity)
      edges[to]!.push(target.push(from) - 1)
      left.push(0)
    },
    belowCut: (source, sink) => {
      while (augment(source, sink));
      const reaching = new Set([sink])
      for (const v of reaching) for (const e of edges[v]!) if (left[e ^ 1]! > 0) reaching.add(target[e]!)
      return reaching
    },
  }
}
