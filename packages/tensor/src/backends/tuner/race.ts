/**
 * Which of several is the fastest, by timing them in turn: whatever slows the machine for a while slows all of them. Those that are
 * hopeless are timed no further. The first is what runs without a race, and stays unless another is plainly better.
 */

/** Times of each, at most. */
const ROUNDS = 7
/** Rounds after which those that took so much longer than the best, at their best, are out. */
const EARLY = 2
const HOPELESS = 1.25
/** A winner takes at most this share of the time of the first. */
const PLAINLY = 0.95

const median = (times: readonly number[]): number => [...times].sort((x, y) => x - y)[times.length >> 1]!

/** Yields whom to time, is given how long it took, and gives the winner. */
export function* race(count: number): Generator<number, number, number> {
  const times = Array.from({ length: count }, (): number[] => [])
  let running = times.map((_, i) => i)
  for (let round = 1; round <= ROUNDS && running.length > 1; round++) {
    for (const i of running) times[i]!.push(yield i)
    if (round < EARLY) continue
    const best = Math.min(...running.map((i) => median(times[i]!)))
    running = running.filter((i) => i === 0 || Math.min(...times[i]!) <= HOPELESS * best)
  }
  const medians = running.map((i) => median(times[i]!))
  const least = medians.indexOf(Math.min(...medians))
  return least > 0 && medians[least]! <= PLAINLY * medians[0]! ? running[least]! : 0
}
