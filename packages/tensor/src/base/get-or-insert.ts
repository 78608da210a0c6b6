/** What a map holds at a key; where it holds nothing yet, what is made for it. (`Map.prototype.getOrInsertComputed`, which is too young for most engines.) */
export const getOrInsert = <K, V>(
  map: { readonly get: (key: K) => V | undefined; readonly set: (key: K, value: V) => unknown },
  key: K,
  make: (key: K) => V,
): V => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make(key)
  map.set(key, made)
  return made
}
/** The same of a map of sets. */
export const setAt = <K, V>(map: Map<K, Set<V>>, key: K): Set<V> => getOrInsert(map, key, () => new Set<V>())
