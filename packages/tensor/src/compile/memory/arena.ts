/**
 * The arena: which intermediates share memory. Each value lives from the step that writes it to the last that reads it, and
 * is given a range of bytes that no other value alive at that time has. This is dynamic storage allocation, which is
 * NP-hard; first fit over a few orders (large values first, long lives first, as they come) stays close to the bound below,
 * the most bytes that live at one time.
 *
 *     a  512 B, steps 0 to 1     a and b live at step 1, b and c at step 2, a and c never:
 *     b  256 B, steps 1 to 2     a takes bytes 0 to 511, b 512 to 767, and c the bytes of a.
 *     c  512 B, steps 2 to 3     768 bytes, which is also what lives at one time
 */
export interface Life {
  readonly bytes: number
  /** Positions of the first step that writes it and of the last that reads it, both included. */
  readonly start: number
  readonly end: number
}

/** A range of an arena: which slab, and from which byte. */
export interface Range {
  readonly slab: number
  readonly offset: number
}

export interface Arena {
  /** Bytes of each slab. */
  readonly slabs: readonly number[]
  /** The range of each life. */
  readonly ranges: readonly Range[]
  /** The most bytes that live at one time: no arena can be smaller. */
  readonly live: number
}

/** Ranges begin at multiples of this: what WebGPU asks of the offset of a binding. */
export const ALIGNMENT = 256
export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** The most bytes alive at one position, each value taking whole units of alignment. */
export const liveAtOnce = (lives: readonly Life[]): number => {
  const change = new Map<number, number>()
  const at = (position: number, bytes: number): void => void change.set(position, (change.get(position) ?? 0) + bytes)
  for (const { bytes, start, end } of lives) {
    at(start, aligned(bytes))
    at(end + 1, -aligned(bytes))
  }
  let now = 0
  let most = 0
  for (const [, bytes] of [...change].sort(([p], [q]) => p - q)) {
    now += bytes
    most = Math.max(most, now)
  }
  return most
}

/** Orders in which lives are placed; the one that needs least is kept. */
const orders: readonly ((p: Life, q: Life) => number)[] = [
  (p, q) => q.bytes - p.bytes || p.start - q.start,
  (p, q) => q.bytes * (q.end - q.start + 1) - p.bytes * (p.end - p.start + 1) || p.start - q.start,
  (p, q) => p.start - q.start || q.bytes - p.bytes,
]

/** An arena this close to the bound is good enough to look no further. */
const GOOD = 1.02

/** Ranges for all lives, in slabs of at most `largest` bytes (a life larger than that has a slab of its own). */
export const packArena = (largest: number, lives: readonly Life[]): Arena => {
  const live = liveAtOnce(lives)
  let best: Omit<Arena, 'live'> | null = null
  let least = Infinity
  for (const order of orders) {
    const packed = firstFit(largest, lives, order)
    const bytes = packed.slabs.reduce((n, b) => n + b, 0)
    if (bytes < least) {
      best = packed
      least = bytes
    }
    if (least <= GOOD * live) break
  }
  return { ...best!, live }
}

/** A life, and the bytes that it was given. */
export interface Placed {
  readonly life: Pick<Life, 'start' | 'end'>
  readonly offset: number
  /** First byte after it, aligned. */
  readonly after: number
}

const firstFit = (
  largest: number,
  lives: readonly Life[],
  order: (p: Life, q: Life) => number,
): Omit<Arena, 'live'> => {
  /** Per slab, by offset. */
  const slabs: Placed[][] = []
  const ranges = new Array<Range>(lives.length)
  const sequence = lives.map((_, i) => i).sort((p, q) => order(lives[p]!, lives[q]!))
  for (const i of sequence) {
    const life = lives[i]!
    const bytes = aligned(life.bytes)
    let slab = 0
    let offset = gapIn(slabs[0] ?? [], life, bytes)
    while (slab < slabs.length && offset > 0 && offset + bytes > largest)
      offset = gapIn(slabs[++slab] ?? [], life, bytes)
    if (slab === slabs.length) slabs.push([])
    insert(slabs[slab]!, { life, offset, after: offset + bytes })
    ranges[i] = { slab, offset }
  }
  return { slabs: slabs.map((placed) => placed.reduce((most, p) => Math.max(most, p.after), 0)), ranges }
}

/** The lowest offset of `bytes` that nobody has while `life` lasts. `placed`: by offset. */
export const gapIn = (placed: readonly Placed[], life: Placed['life'], bytes: number): number => {
  let offset = 0
  for (const p of placed) {
    if (p.life.end < life.start || life.end < p.life.start || p.after <= offset) continue
    if (p.offset >= offset + bytes) break
    offset = p.after
  }
  return offset
}

const insert = (placed: Placed[], next: Placed): void => {
  let lo = 0
  let hi = placed.length
  while (lo < hi) {
    const mid = (lo + hi) >> 1
    if (placed[mid]!.offset <= next.offset) lo = mid + 1
    else hi = mid
  }
  placed.splice(lo, 0, next)
}
