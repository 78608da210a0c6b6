/** A text in pieces: where a search finds words, and where tokens begin. Runs in the page. */

/** A piece of a text: of which token (null: of none), and whether it is part of what was searched for. */
export interface Segment {
  readonly text: string
  readonly token: number | null
  readonly marked: boolean
}

/** The words of a search, in lower case. */
export const wordsOf = (search: string): readonly string[] =>
  search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')

/**
 * Where words stand in a text, in either case: stretches [from, to), in order, apart. Cases that change the length of a text (as
 * that of İ does) are looked at letter by letter, so that places stay those of the text.
 */
export const found = (words: readonly string[], text: string): readonly (readonly [number, number])[] => {
  const lower = Array.from({ length: text.length }, (_, i) => {
    const letter = text[i]!.toLowerCase()
    return letter.length === 1 ? letter : text[i]!
  }).join('')
  const all = words
    .flatMap((word) => {
      const at: [number, number][] = []
      for (let i = lower.indexOf(word); i >= 0; i = lower.indexOf(word, i + word.length)) at.push([i, i + word.length])
      return at
    })
    .sort(([a], [b]) => a - b)
  const merged: [number, number][] = []
  for (const [from, to] of all) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged
}

/** A text cut where marks and tokens begin and end. `pieces` are those of its tokens, in order; null: it is not known by tokens. */
export const segments = (
  text: string,
  words: readonly string[],
  pieces: readonly string[] | null = null,
): readonly Segment[] => {
  const marks = found(words, text)
  const cuts = new Set<number>([0, text.length, ...marks.flat()])
  const starts: number[] = []
  let at = 0
  for (const piece of pieces ?? []) {
    starts.push(at)
    cuts.add(at)
    at += piece.length
  }
  const places = [...cuts].filter((cut) => cut <= text.length).sort((a, b) => a - b)
  let [token, mark] = [-1, 0]
  return places.slice(0, -1).map((from, i) => {
    // The last token that begins here: one without a text begins where the next does, and is seen nowhere.
    while (token + 1 < starts.length && starts[token + 1]! <= from) token++
    while (mark < marks.length && marks[mark]![1] <= from) mark++
    const within = marks[mark]
    return {
      text: text.slice(from, places[i + 1]),
      token: pieces === null || token < 0 ? null : token,
      marked: within !== undefined && within[0] <= from,
    }
  })
}
