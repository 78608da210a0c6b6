/** Leaves from the parts that files have, and back: a copy of each element to its place. */
import type { Part, StoredLeaf } from './names.ts'

const rowsOf = ({ shape }: StoredLeaf): number => (shape.length === 1 ? 1 : shape[0]!)

/** Whether a leaf is one part as the file has it. */
export const isWhole = ({ parts, transposed }: StoredLeaf): boolean => parts.length === 1 && !transposed

const sameRow = (row: number): number => row

/** Rows and columns that are copied together: both sides of a transposition then stay within the cache. */
const ROWS = 64
const COLUMNS = 16

/**
 * Goes through a part [columns, rows] and its columns of the leaf [rows, width] block by block. Four columns go together, so that what is near
 * in the leaf is touched once for all of them: a quarter of the time of one after another.
 */
const eachColumns = (
  leaf: StoredLeaf,
  { columns, order = sameRow }: Part,
  four: (at: number, end: number, parts: readonly [number, number, number, number]) => void,
  one: (at: number, end: number, part: number) => void,
): void => {
  const [width, rows] = [leaf.shape.at(-1)!, rowsOf(leaf)]
  const [from, to] = columns
  for (let r = 0; r < rows; r += ROWS)
    for (let first = from; first < to; first += COLUMNS) {
      const [last, end] = [Math.min(to, first + COLUMNS), Math.min(rows, r + ROWS) * width]
      const inPart = (c: number): number => order(c - from) * rows + r
      let c = first
      for (; c + 4 <= last; c += 4) four(r * width + c, end, [inPart(c), inPart(c + 1), inPart(c + 2), inPart(c + 3)])
      for (; c < last; c++) one(r * width + c, end, inPart(c))
    }
}

/** Writes a part's elements into the leaf's. */
export const insertPart = (leaf: StoredLeaf, part: Part, into: Float32Array, elements: Float32Array): void => {
  const [width, rows] = [leaf.shape.at(-1)!, rowsOf(leaf)]
  const [from, to] = part.columns
  if (!leaf.transposed) {
    for (let r = 0; r < rows; r++) into.set(elements.subarray(r * (to - from), (r + 1) * (to - from)), r * width + from)
    return
  }
  eachColumns(
    leaf,
    part,
    (begin, end, [a, b, c, d]) => {
      for (let at = begin, i = 0; at < end; at += width, i++) {
        into[at] = elements[a + i]!
        into[at + 1] = elements[b + i]!
        into[at + 2] = elements[c + i]!
        into[at + 3] = elements[d + i]!
      }
    },
    (begin, end, a) => {
      for (let at = begin, i = a; at < end; at += width, i++) into[at] = elements[i]!
    },
  )
}

/** A part's elements out of the leaf's. */
export const extractPart = (leaf: StoredLeaf, part: Part, elements: Float32Array): Float32Array => {
  if (isWhole(leaf)) return elements
  const [width, rows] = [leaf.shape.at(-1)!, rowsOf(leaf)]
  const [from, to] = part.columns
  const out = new Float32Array(rows * (to - from))
  if (!leaf.transposed) {
    for (let r = 0; r < rows; r++) out.set(elements.subarray(r * width + from, r * width + to), r * (to - from))
    return out
  }
  eachColumns(
    leaf,
    part,
    (begin, end, [a, b, c, d]) => {
      for (let at = begin, i = 0; at < end; at += width, i++) {
        out[a + i] = elements[at]!
        out[b + i] = elements[at + 1]!
        out[c + i] = elements[at + 2]!
        out[d + i] = elements[at + 3]!
      }
    },
    (begin, end, a) => {
      for (let at = begin, i = a; at < end; at += width, i++) out[i] = elements[at]!
    },
  )
  return out
}
