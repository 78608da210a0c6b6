/**
 * Tokens to text. Each token stands for bytes, and their sequence for UTF-8: a character may be cut between two tokens, so that text is
 * taken from the sequence and never token by token. What a stream has of an unfinished character stays with it.
 */

/** Text of tokens as they come, as a value: pushing returns the next stream and changes nothing. */
export interface TextStream {
  /** The text that these ids have completed, which never ends within a character, and the stream after them. */
  readonly push: (ids: ArrayLike<number>) => readonly [text: string, next: TextStream]
  /** What is left at the end: U+FFFD for a character that never was completed, else nothing. */
  readonly end: () => string
}

/** The bytes that tokens stand for. */
export interface TokenBytes {
  /** No bytes for what is no text. */
  readonly bytes: (id: number) => Uint8Array
  /** Whether a space that the text begins with belongs to the tokenizer, which put it there. */
  readonly dropSpace: boolean
}

const SPACE = 0x20
const NOTHING = new Uint8Array()

// A byte order mark is a character like any other: without `ignoreBOM` the decoder would take it away.
const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)

/** How many bytes a character has that begins with this one (RFC 3629, section 4); 0 where none does. */
const lengthOf = (lead: number): number =>
  lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0

/** Whether this byte may be the second one: some leads allow fewer than 0x80 to 0xbf (the same table). */
const follows = (lead: number, second: number): boolean =>
  second >= (lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80) &&
  second <= (lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf)

const continues = (byte: number): boolean => (byte & 0xc0) === 0x80

/** Where a character begins whose end is not there yet; the number of bytes where there is none. */
const completeUntil = (bytes: Uint8Array): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const at = bytes.length - back
    const lead = bytes[at]!
    if (continues(lead)) continue
    const open = lengthOf(lead) > back && (back === 1 || follows(lead, bytes[at + 1]!))
    return open ? at : bytes.length
  }
  return bytes.length
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/**
 * A stream of the tokens of this vocabulary. What its pushes and its end return, joined, is the text of all tokens at once: a
 * character that is not complete is kept back, and what can never be one is U+FFFD, as the WHATWG's decoder has it.
 */
export const textStream = ({ bytes, dropSpace }: TokenBytes): TextStream => {
  const after = (rest: Uint8Array, first: boolean): TextStream => ({
    push: (ids) => {
      const all = joined([rest, ...Array.from(ids, bytes)])
      const begun = first && all.length > 0
      const given = begun && all[0] === SPACE ? all.subarray(1) : all
      const until = completeUntil(given)
      return [decode(given.subarray(0, until)), after(given.slice(until), first && !begun)]
    },
    end: () => decode(rest),
  })
  return after(NOTHING, dropSpace)
}

/** The text of all of these tokens. */
export const textOf = (tokens: TokenBytes, ids: ArrayLike<number>): string => {
  const [text, rest] = textStream(tokens).push(ids)
  return text + rest.end()
}
