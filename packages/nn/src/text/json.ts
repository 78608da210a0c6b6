/** What is known of a parsed JSON value before it is used. */

/** A value's fields, of which nothing is known yet. */
export type Fields = Readonly<Record<string, unknown>>

/** Whether a value has named fields. */
export const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The records of a list; none where it is no list. */
export const records = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isRecord) : [])

/** The text of a token, which configurations write as the text, or as a record with its `content`; null where they name none. */
export const tokenText = (value: unknown): string | null => {
  if (typeof value === 'string') return value
  return isRecord(value) && typeof value.content === 'string' ? value.content : null
}

/** The numbers of an id, or of a list of ids. */
export const idsOf = (value: unknown): readonly number[] =>
  (Array.isArray(value) ? (value as readonly unknown[]) : [value]).filter(
    (id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0,
  )
