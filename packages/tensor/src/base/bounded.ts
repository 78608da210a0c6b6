/** A cache of bounded count and bytes: what was used longest ago goes first. What was put in last always stays. */
export interface Bounded<K, V> {
  /** Counts as a use. */
  readonly get: (key: K) => V | undefined
  readonly set: (key: K, value: V, bytes: number) => void
  readonly delete: (key: K) => void
  readonly bytes: () => number
  readonly size: () => number
}

export interface Bounds<V> {
  readonly count: number
  readonly bytes: number
  /** Called with what goes, whether it was pushed out, deleted or replaced. */
  readonly dropped?: (value: V) => void
}

export const bounded = <K, V>({ count, bytes: most, dropped }: Bounds<V>): Bounded<K, V> => {
  interface Kept {
    readonly value: V
    readonly bytes: number
  }
  const kept = new Map<K, Kept>()
  let bytes = 0
  const remove = (key: K): void => {
    const old = kept.get(key)
    if (old === undefined) return
    kept.delete(key)
    bytes -= old.bytes
    dropped?.(old.value)
  }
  return {
    get: (key) => {
      const found = kept.get(key)
      if (found === undefined) return undefined
      kept.delete(key)
      kept.set(key, found)
      return found.value
    },
    set: (key, value, size) => {
      remove(key)
      kept.set(key, { value, bytes: size })
      bytes += size
      for (const oldest of kept.keys()) {
        if (kept.size === 1 || (kept.size <= count && bytes <= most)) break
        remove(oldest)
      }
    },
    delete: remove,
    bytes: () => bytes,
    size: () => kept.size,
  }
}
