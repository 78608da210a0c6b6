/**
 * Randomness on the host, through explicit keys: threefry 2x32 in plain integers, with the bits of `random.key`,
 * `random.foldIn` and of JAX (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). Problems are made on
 * the host, before there is a device; the same key seeds the sampling on the device, so a run has one source.
 */
import type { Key } from '@adjoint/nn'
import { isTensor, tensor } from '@adjoint/tensor'
import { shown } from '@adjoint/tensor/ir'

/** Two words of 32 bits. A key is used once, or split: `foldIn(key, n)` gives the n-th of independent keys. */
export type HostKey = readonly [number, number]

const PARITY = 0x1bd11bda
const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

/** Twenty rounds of threefry on the counter (x0, x1). */
const threefry = ([k0, k1]: HostKey, x0: number, x1: number): HostKey => {
  const keys = [k0, k1, k0 ^ k1 ^ PARITY] as const
  let a = (x0 + k0) | 0
  let b = (x1 + k1) | 0
  for (let group = 0; group < 5; group++) {
    for (const by of ROTATIONS[(group % 2) as 0 | 1]) {
      a = (a + b) | 0
      b = rotate(b, by) ^ a
    }
    a = (a + keys[((group + 1) % 3) as 0 | 1 | 2]) | 0
    b = (b + keys[((group + 2) % 3) as 0 | 1 | 2] + group + 1) | 0
  }
  return [a >>> 0, b >>> 0]
}

/**
 * The key of a seed, a nonnegative integer below 2^53. Throws RangeError for any other.
 *
 * @example
 * ```ts
 * import { foldIn, hostKey } from '@adjoint/rl'
 * foldIn(hostKey(0), 1) // [928981903, 3453687069], the bits of jax.random.fold_in(jax.random.key(0), 1)
 * ```
 */
export const hostKey = (seed: number): HostKey => {
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new RangeError(
      `hostKey: the seed is ${typeof seed === 'number' ? seed : shown(seed)}. Give a whole number of at least 0, below 2^53.`,
    )
  return [Math.floor(seed / 2 ** 32) >>> 0, seed >>> 0]
}

/** Throws TypeError unless it is a key of the host: two words. */
const demandHostKey = (op: string, key: unknown): void => {
  if (Array.isArray(key) && key.length === 2 && key.every((word) => typeof word === 'number')) return
  const given = isTensor(key) ? 'a tensor, a key of the device' : shown(key)
  throw new TypeError(`${op}: the key is ${given}. Give a key of the host, such as hostKey(0).`)
}

/**
 * The `n`-th of the keys below `key`; the same bits as `random.foldIn` and `jax.random.fold_in`.
 *
 * @example
 * ```ts
 * import { foldIn, hostKey } from '@adjoint/rl'
 * const run = hostKey(7)
 * const [data, sampling] = [foldIn(run, 0), foldIn(run, 1)]
 * ```
 */
export const foldIn = (key: HostKey, n: number): HostKey => {
  demandHostKey('foldIn', key)
  return threefry(key, 0, n >>> 0)
}

/**
 * A die that `key` has loaded: the i-th call of `roll(n)` gives an integer in [0, n), the same for the same key. Meant
 * to live inside one generator of problems. (n below 2^20: the bias is then below 2^-12.)
 *
 * @example
 * ```ts
 * import { dice, hostKey } from '@adjoint/rl'
 * const roll = dice(hostKey(3))
 * const two = [roll(6) + 1, roll(6) + 1]
 * ```
 */
export const dice = (key: HostKey): ((n: number) => number) => {
  demandHostKey('dice', key)
  let rolled = 0
  // foldIn counts on (0, n); the die counts on (1, n), so that no roll repeats a key.
  return (n) => Math.floor((threefry(key, 1, rolled++)[0] / 2 ** 32) * n)
}

/**
 * What a step of a loop draws from its key, a number for each purpose: two purposes never share one. A purpose that is not
 * listed has the hash of its name.
 */
const STREAMS: Readonly<Record<string, number>> = {
  /** Which problems are asked. */
  problems: 0,
  /** The tokens of completions. */
  completions: 1,
  /** What a credit draws. */
  credit: 2,
  /** The order of minibatches. */
  minibatches: 3,
  /** The rounds after the first, where groups are sampled anew. */
  rounds: 4,
  /** Which old experience is learnt from again. */
  replay: 5,
  /** Whether a step is on the student's own texts. */
  'on-policy': 0xc011,
}

/** FNV-1a, with the highest bit set: apart from all numbers that count something. */
const hashed = (name: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193)
  return (h | 0x80000000) >>> 0
}

/**
 * The key below `key` for one purpose: what draws for another purpose draws apart from it. The loops use `problems`,
 * `completions`, `credit`, `minibatches`, `rounds`, `replay` and `on-policy`; any other name is free for what is built on them.
 *
 * @example
 * ```ts
 * import { hostKey, stream } from '@adjoint/rl'
 * const step = hostKey(7)
 * const [asked, drawn] = [stream('problems')(step), stream('completions')(step)]
 * ```
 */
export const stream =
  (name: string) =>
  (key: HostKey): HostKey =>
    foldIn(key, Object.hasOwn(STREAMS, name) ? STREAMS[name]! : hashed(name))

/**
 * A host key as a key of `random`: the same two words.
 *
 * @example
 * ```ts
 * import { deviceKey, hostKey } from '@adjoint/rl'
 * deviceKey(hostKey(7)).shape // [2]
 * ```
 */
export const deviceKey = (key: HostKey): Key => tensor(Uint32Array.from(key), [2])
