/**
 * Slots: which intermediates share memory. Largest first, each takes the smallest slot whose tenants never live while it
 * does, else a slot of its own size; so that a slot is never larger than its first tenant, and short-lived small values do
 * not sit in large ones while these are free for nobody else.
 */
export interface Life {
  readonly bytes: number
  /** Positions of the first kernel that writes it and of the last that reads it, both included. */
  readonly start: number
  end: number
}

export interface Slots {
  readonly sizes: readonly number[]
  /** The slot of each life. */
  readonly slotOf: readonly number[]
}

const overlap = (p: Life, q: Life): boolean => p.start <= q.end && q.start <= p.end

export const shareSlots = (lives: readonly Life[]): Slots => {
  const bySize = lives
    .map((_, i) => i)
    .sort((p, q) => lives[q]!.bytes - lives[p]!.bytes || lives[p]!.start - lives[q]!.start)
  const tenants: Life[][] = []
  const sizes: number[] = []
  const slotOf = new Array<number>(lives.length)
  for (const i of bySize) {
    const life = lives[i]!
    let best = -1
    for (let s = 0; s < sizes.length; s++)
      if ((best === -1 || sizes[s]! <= sizes[best]!) && !tenants[s]!.some((t) => overlap(t, life))) best = s
    if (best === -1) {
      best = sizes.push(life.bytes) - 1
      tenants.push([])
    }
    tenants[best]!.push(life)
    slotOf[i] = best
  }
  return { sizes, slotOf }
}
