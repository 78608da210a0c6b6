/**
 * Lists that belong to who holds them. A caller may write to a list of sizes, axes or bounds after it was passed; a tensor, and
 * an operation that was configured, are of what the list said then. So whatever holds one for longer than a call holds its own.
 */

const plain = (item: unknown): boolean => typeof item !== 'object' || item === null || Array.isArray(item)

/** The list copied, and the lists in it; itself where it is one of objects, which are told from others by identity. */
const ownList = (list: readonly unknown[]): readonly unknown[] =>
  list.every(plain) ? list.map((item) => (Array.isArray(item) ? ownList(item) : item)) : list

/** A list, or a plain record, whose lists of numbers, booleans and strings are copies; everything else is itself. */
export const own = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value
  // a copy has the type of what it is a copy of, which no rule of the language can say
  if (Array.isArray(value)) return ownList(value) as T
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  let held = value
  for (const key in value) {
    const field = value[key]
    if (!Array.isArray(field)) continue
    if (held === value) held = { ...value }
    held[key] = ownList(field) as typeof field
  }
  return held
}
