/**
 * Shuffles that hold no list: the place of each item in an epoch is computed from a seed, so that data of any size is visited in a
 * random order, and a run goes on from the number of items that it has seen.
 *
 * It is a Feistel network on the numbers below a power of four (Luby and Rackoff, SIAM J. Comput. 17(2), 1988): left and right halves
 * (l, r) become (r, l xor f(r)), which can be undone whatever f is, so that no two numbers meet. What falls beyond the size goes through
 * it again until it does not (Black and Rogaway, CT-RSA 2002, "cycle walking"): at most four times in the mean.
 */
import { optionsOf } from '@adjoint/tensor/ir'

/** What is shuffled. */
export interface ShuffleConfig {
  /** Items of an epoch, 1 to 2^52. */
  readonly size: number
  /** The same seed, the same order. */
  readonly seed: number
}

const ROUNDS = 4

/** 32 bits of (x, key), by the finaliser of MurmurHash3. */
const mixed = (x: number, key: number): number => {
  let h = Math.imul(x ^ key, 0x9e3779b1) ^ (x >>> 15)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The item at a position, counted from 0 over all epochs: positions `size * e` to `size * (e + 1) - 1` are the items 0 to `size - 1`
 * in an order of epoch `e`'s own. Throws RangeError for a size, or a position, that is none.
 *
 * @example
 * ```ts
 * import { shuffled } from '@adjoint/nn'
 * const at = shuffled({ size: 5, seed: 1 })
 * console.log([0, 1, 2, 3, 4].map(at).sort()) // [0, 1, 2, 3, 4]: an epoch has each item once
 * ```
 */
export const shuffled = (options: ShuffleConfig): ((position: number) => number) => {
  const { size, seed } = optionsOf<ShuffleConfig>('shuffled', options, { size: true, seed: true })
  if (!(Number.isInteger(size) && size >= 1 && size <= 2 ** 52))
    throw new RangeError(`shuffled: the size is ${size}. Give a whole number from 1 to 2^52.`)
  if (!Number.isSafeInteger(seed)) throw new RangeError(`shuffled: the seed is ${seed}. Give a whole number.`)
  // half the bits of the smallest power of four that holds all items
  const half = Math.max(1, Math.ceil(Math.log2(size) / 2))
  const side = 2 ** half
  const keyOf = (epoch: number, round: number): number => {
    const low = mixed((seed % 2 ** 32) | 0, 0x51ed270b + round)
    return mixed(mixed(low ^ (Math.floor(seed / 2 ** 32) | 0), epoch | 0), Math.floor(epoch / 2 ** 32) ^ round)
  }
  return (position) => {
    if (!(Number.isSafeInteger(position) && position >= 0))
      throw new RangeError(`shuffled: the position is ${position}. Give a whole number of 0 or more.`)
    const epoch = Math.floor(position / size)
    let item = position % size
    do {
      let [left, right] = [Math.floor(item / side), item % side]
      for (let round = 0; round < ROUNDS; round++)
        [left, right] = [right, ((left ^ mixed(right, keyOf(epoch, round))) >>> 0) % side]
      item = left * side + right
    } while (item >= size)
    return item
  }
}
