/** Leaves from the parts that files have, and back: a copy of each element to its place. */
import type { Part, StoredLeaf } from './names.ts'

/** Rows and columns that are copied together: both sides of a transposition then stay within the cache. */
const BLOCK = 32

const rowsOf = ({ shape }: StoredLeaf): number => (shape.length === 1 ? 1 : shape[0]!)

/** Whether a leaf is one part as the file has it. */
export const isWhole = ({ parts, transposed }: StoredLeaf): boolean => parts.length === 1 && !transposed

/** Calls `f` with the corners of blocks that cover rows by columns. */
const eachBlock = (
  rows: number,
  [from, to]: readonly [number, number],
  f: (r0: number, r1: number, c0: number, c1: number) => void,
): void => {
  for (let r = 0; r < rows; r += BLOCK)
    for (let c = from; c < to; c += BLOCK) f(r, Math.min(rows, r + BLOCK), c, Math.min(to, c + BLOCK))
}

const sameRow = (row: number): number => row

/** Writes a part's elements into the leaf's. */
export const insertPart = (leaf: StoredLeaf, part: Part, into: Float32Array, elements: Float32Array): void => {
  const [width, rows] = [leaf.shape.at(-1)!, rowsOf(leaf)]
  const { columns, order = sameRow } = part
  const [from, to] = columns
  if (!leaf.transposed) {
    for (let r = 0; r < rows; r++) into.set(elements.subarray(r * (to - from), (r + 1) * (to - from)), r * width + from)
    return
  }
  // the part is [to - from, rows]
  eachBlock(rows, columns, (r0, r1, c0, c1) => {
    for (let c = c0; c < c1; c++) {
      const at = order(c - from) * rows
      for (let r = r0; r < r1; r++) into[r * width + c] = elements[at + r]!
    }
  })
}

/** A part's elements out of the leaf's. */
export const extractPart = (leaf: StoredLeaf, part: Part, elements: Float32Array): Float32Array => {
  if (isWhole(leaf)) return elements
  const [width, rows] = [leaf.shape.at(-1)!, rowsOf(leaf)]
  const { columns, order = sameRow } = part
  const [from, to] = columns
  const out = new Float32Array(rows * (to - from))
  if (!leaf.transposed) {
    for (let r = 0; r < rows; r++) out.set(elements.subarray(r * width + from, r * width + to), r * (to - from))
    return out
  }
  eachBlock(rows, columns, (r0, r1, c0, c1) => {
    for (let c = c0; c < c1; c++) {
      const at = order(c - from) * rows
      for (let r = r0; r < r1; r++) out[at + r] = elements[r * width + c]!
    }
  })
  return out
}
