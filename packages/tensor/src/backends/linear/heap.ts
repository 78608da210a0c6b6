/**
 * A heap over one stretch of memory that can grow: blocks in order of address, free neighbours joined, free blocks found
 * by size class (best class first). Everything is aligned to 64 bytes, and no block touches the first or the last 64
 * bytes of the memory, so that a vector which reaches past the end of an array stays inside.
 */

/** Bytes of a cache line: the unit of sizes and addresses. */
export const LINE = 64
const CLASSES = 48

export interface Block {
  readonly start: number
  readonly bytes: number
}
interface Node {
  start: number
  bytes: number
  free: boolean
  /** Neighbours in memory. */
  before: Node | null
  after: Node | null
  /** Neighbours in the free list of its class. */
  previous: Node | null
  next: Node | null
}

export interface Heap {
  /** A block of at least `bytes`; null where the memory cannot grow to hold it. */
  readonly take: (bytes: number) => Block | null
  readonly give: (block: Block) => void
  /** Bytes in blocks taken and not given back. */
  readonly live: () => number
  /** Blocks so far that reached into memory which none had used before: flat in a steady state. */
  readonly fresh: () => number
}

/** Four classes to an octave. All that bits of 32 cannot count is of one, whose blocks are compared one by one. */
const classOf = (bytes: number): number => {
  const lines = Math.min(bytes / LINE, 2 ** 31 - 1)
  const octave = 31 - Math.clz32(lines)
  const quarter = octave >= 2 ? (lines >>> (octave - 2)) & 3 : 0
  return Math.min(4 * CLASSES - 1, 4 * octave + quarter)
}
export const roundUp = (bytes: number): number => Math.max(LINE, Math.ceil(bytes / LINE) * LINE)

/** `grow(bytes)` extends the memory by at least so many bytes and returns its new length, or null. */
export const createHeap = (length: number, grow: (bytes: number) => number | null): Heap => {
  const lists: (Node | null)[] = Array<Node | null>(4 * CLASSES).fill(null)
  const taken = new Map<number, Node>()
  let end = length - LINE
  let live = 0
  let fresh = 0
  let reached = LINE
  let last: Node = {
    start: LINE,
    bytes: end - LINE,
    free: false,
    before: null,
    after: null,
    previous: null,
    next: null,
  }

  const link = (node: Node): void => {
    const list = classOf(node.bytes)
    node.free = true
    node.previous = null
    node.next = lists[list] ?? null
    if (node.next !== null) node.next.previous = node
    lists[list] = node
  }
  const unlink = (node: Node): void => {
    if (node.previous === null) lists[classOf(node.bytes)] = node.next
    else node.previous.next = node.next
    if (node.next !== null) node.next.previous = node.previous
    node.free = false
  }
  /** Joins `right` to the end of `left`. */
  const join = (left: Node, right: Node): void => {
    left.bytes += right.bytes
    left.after = right.after
    if (right.after === null) last = left
    else right.after.before = left
  }
  const find = (bytes: number): Node | null => {
    const own = classOf(bytes)
    for (let node = lists[own] ?? null; node !== null; node = node.next) if (node.bytes >= bytes) return node
    for (let list = own + 1; list < lists.length; list++) {
      const head = lists[list] ?? null
      if (head !== null) return head
    }
    return null
  }
  const extend = (bytes: number): Node | null => {
    const tail = last.free ? last.bytes : 0
    const now = grow(bytes - tail)
    if (now === null) return null
    const added = now - LINE - end
    const node: Node = { start: end, bytes: added, free: false, before: last, after: null, previous: null, next: null }
    end += added
    last.after = node
    last = node
    release(node)
    return find(bytes)
  }
  const release = (node: Node): void => {
    let whole = node
    if (node.after?.free === true) {
      unlink(node.after)
      join(node, node.after)
    }
    if (node.before?.free === true) {
      whole = node.before
      unlink(whole)
      join(whole, node)
    }
    link(whole)
  }
  link(last)

  return {
    take: (wanted) => {
      const bytes = roundUp(wanted)
      const node = find(bytes) ?? extend(bytes)
      if (node === null) return null
      unlink(node)
      if (node.bytes > bytes) {
        const rest: Node = {
          start: node.start + bytes,
          bytes: node.bytes - bytes,
          free: false,
          before: node,
          after: node.after,
          previous: null,
          next: null,
        }
        if (node.after === null) last = rest
        else node.after.before = rest
        node.after = rest
        node.bytes = bytes
        link(rest)
      }
      taken.set(node.start, node)
      live += bytes
      if (node.start + bytes > reached) {
        reached = node.start + bytes
        fresh++
      }
      return { start: node.start, bytes }
    },
    give: ({ start }) => {
      const node = taken.get(start)
      if (node === undefined) throw new Error(`heap: the block at ${start} is not taken`)
      taken.delete(start)
      live -= node.bytes
      release(node)
    },
    live: () => live,
    fresh: () => fresh,
  }
}
