/**
 * Random numbers from explicit keys. A key is a u32[2] tensor; the same key and shape give the same numbers always, on
 * every device and below every transformation, and a key is to be used once: `split` makes fresh ones. Nothing remembers that a
 * key was used: two draws from one key are the same numbers, and a key that was split is not to be drawn from.
 *
 * The generator is Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), with
 * the counters of JAX under `jax_threefry_partitionable` (its default since 0.5): element i of a draw is
 * threefry(key, (i >> 32, i mod 2^32)), the two words xored. Bits agree with JAX exactly, floats as far as the device's log
 * and sqrt do.
 */
import type { DType } from './base/dtype.ts'
import { ShapeError, showAval, shown } from './base/errors.ts'
import { isExpr, type Expr } from './graph/expr.ts'
import { demandShape, expand, requireDType, type Operand } from './ops/align.ts'
import { erfinvOf } from './ops/erfinv.ts'
import { hostValues } from './ops/known.ts'
import { argmax } from './ops/reductions.ts'
import { tensor } from './ops/creation.ts'
import * as raw from './primitives/index.ts'
import { normalizeAxis, sameShape, sizeOf, type Shape } from './base/shape.ts'
import type { Check, Ok, Reduce, TupleOf } from './base/shape-type.ts'
import { optionsOf } from './graph/options.ts'
import { typed, type Tensor } from './graph/tensor.ts'

/** A state of the generator: u32[2]. */
export type Key = Tensor<readonly [2], 'u32'>

/** Draws a tensor of a shape (default: a scalar) from a key. Throws TypeError or ShapeError where the key, or the shape, is none. */
export type Sampler<D extends DType = 'f32'> = <const S extends Shape = readonly []>(
  key: Key,
  shape?: S,
) => Tensor<S, D>

const demandKey = (op: string, key: Key): void => {
  const given: unknown = key
  if (!isExpr(given))
    throw new TypeError(
      `random.${op}: the key is ${shown(given)}. The key comes first, then the shape: ` +
        `make one with random.key(seed), and one for each draw with random.split(key, n).`,
    )
  const found: Expr = key
  if (found.dtype !== 'u32' || !sameShape(found.shape, [2]))
    throw new ShapeError({
      op: `random.${op}`,
      operands: [found],
      rule: 'a key is u32[2]',
      fix: 'Make one with random.key(seed) or random.split(key, n)',
    })
}

/** The key and the shape of a draw. */
const demandDraw = (op: string, key: Key, shape: Shape | undefined): Shape => {
  demandKey(op, key)
  demandShape(`random.${op}`, shape ?? [], 'f32')
  return shape ?? []
}

/** One of the two words of a key, at `shape`. */
const wordOf = (key: Key, word: 0 | 1, shape: Shape): Expr =>
  expand(raw.reshape(raw.slice(key, [word], [word + 1]), []), shape)

/** The key that threefry makes of the counter (0, counter). */
const derive = (key: Key, counter: Expr): Key => {
  const [k0, k1, high] = [wordOf(key, 0, []), wordOf(key, 1, []), raw.fill([], 'u32', 0)]
  const word = (w: 0 | 1): Expr => raw.reshape(raw.threefry(k0, k1, high, counter, w), [1])
  return typed(raw.concat([word(0), word(1)], 0))
}

/**
 * The key of a seed: its high and low 32 bits. A negative seed counts in two's complement. The seed may be a scalar tensor
 * too, as a value that a program is given. Throws RangeError for a number that is no safe integer.
 *
 * @example
 * ```ts
 * import { random, readAsync } from '@adjoint/tensor'
 * const [forNoise, forMask] = random.split(random.key(0), 2)
 * console.log(await readAsync(random.normal()(forNoise, [3])), await readAsync(random.bernoulli(0.5)(forMask, [3])))
 * ```
 */
export const key = (seed: number | bigint | Tensor<readonly [], 'u32' | 'i32'>): Key => {
  if (isExpr(seed)) {
    requireDType('random.key', seed, ['u32', 'i32'], 'Cast it')
    const { shape }: Expr = seed
    if (shape.length !== 0)
      throw new ShapeError({
        op: 'random.key',
        operands: [seed],
        rule: 'a seed is a scalar',
        fix: 'For several keys split one: random.split(key, n)',
      })
    const low = raw.reshape(raw.cast('u32', seed), [1])
    return typed(raw.concat([raw.fill([1], 'u32', 0), low], 0))
  }
  if (typeof seed !== 'bigint' && !Number.isSafeInteger(seed))
    throw new RangeError(
      `random.key: the seed ${String(seed)} is no safe integer. Pass an integer below 2^53 in size, or a bigint.`,
    )
  const bits64 = BigInt.asUintN(64, BigInt(seed))
  return tensor([Number(bits64 >> 32n), Number(bits64 & 0xffffffffn)], [2], 'u32')
}

/**
 * n fresh keys (default 2), independent of each other and of `key`, which is not to be used again. Key i is
 * `foldIn(key, i)`, as in JAX. For `vmap`, join them with `stack(0)`: u32 [n, 2].
 */
export const split = <const N extends number = 2>(key: Key, n?: N): TupleOf<N, Key> => {
  demandKey('split', key)
  const count: number = n ?? 2
  if (!Number.isInteger(count) || count < 0)
    throw new RangeError(`random.split: ${count} is no number of keys. Pass an integer of at least 0.`)
  // The type is a tuple of as many keys as N says, which is as many as are made here
  return Array.from({ length: count }, (_, i) => derive(key, raw.fill([], 'u32', i))) as unknown as TupleOf<N, Key>
}

/**
 * The key of `key` and a number or scalar (a step, a layer, an epoch): threefry(key, (0, data)), as in JAX. Throws RangeError for
 * a number that is no integer of 32 bits, since two of them would give one key.
 */
export const foldIn = (key: Key, data: number | Tensor<readonly [], 'u32' | 'i32'>): Key => {
  demandKey('foldIn', key)
  if (typeof data === 'number') {
    if (!Number.isInteger(data) || data < -(2 ** 31) || data >= 2 ** 32)
      throw new RangeError(`random.foldIn: ${data} is no integer of 32 bits. Pass one from -2^31 to 2^32 - 1.`)
  } else requireDType('random.foldIn', data, ['u32', 'i32'], 'Cast it')
  return derive(key, typeof data === 'number' ? raw.fill([], 'u32', data >>> 0) : raw.cast('u32', data))
}

const bitsOf = (key: Key, shape: Shape): Expr => {
  const counter = raw.reshape(raw.iota([sizeOf(shape)], 0, 'u32'), shape)
  const [k0, k1, high] = [wordOf(key, 0, shape), wordOf(key, 1, shape), raw.fill(shape, 'u32', 0)]
  return raw.xor(raw.threefry(k0, k1, high, counter, 0), raw.threefry(k0, k1, high, counter, 1))
}

/** 32 independent random bits for each element. */
export const bits: Sampler<'u32'> = (key, shape) => typed(bitsOf(key, demandDraw('bits', key, shape)))

const like = (x: Expr, value: number): Expr => raw.fill(x.shape, x.dtype, value)

/** The largest f32 below x. */
const below = (x: number): number => {
  const float = Float32Array.of(x)
  const bits = new Int32Array(float.buffer)
  if (float[0] === 0) return -(2 ** -149)
  bits[0]! += float[0]! > 0 ? -1 : 1
  return float[0]!
}

/**
 * In [lo, hi): the 23 high bits of each draw as a fraction u, then lo + u (hi - lo), which rounding may carry to hi, and is
 * kept below it. lo + u (hi - lo) rises with u: where the largest u stays below hi, rounded once or twice, all do.
 */
const uniformOf = (key: Key, shape: Shape, minval: number, maxval: number): Expr => {
  const draw = bitsOf(key, shape)
  const fraction = raw.mul(raw.cast('f32', raw.shr(draw, like(draw, 9))), raw.fill(shape, 'f32', 2 ** -23))
  if (minval === 0 && maxval === 1) return fraction
  const [lo, hi] = [Math.fround(minval), Math.fround(maxval)]
  const span = Math.fround(hi - lo)
  const scaled = raw.maximum(like(fraction, lo), raw.add(raw.mul(fraction, like(fraction, span)), like(fraction, lo)))
  const most = 1 - 2 ** -23
  const reached = Math.max(Math.fround(Math.fround(most * span) + lo), Math.fround(most * span + lo))
  return reached < hi ? scaled : raw.minimum(scaled, like(fraction, below(hi)))
}

/** The interval of a uniform draw. */
export interface UniformConfig {
  /** The least value. Default 0. */
  readonly minval?: number
  /** The bound that is not reached. Default 1. */
  readonly maxval?: number
}
/**
 * Uniform in [minval, maxval), in steps of 2^-23 of the interval. f32. Throws RangeError unless minval < maxval as f32, with a
 * finite difference.
 *
 * @example
 * ```ts
 * import { random, readAsync } from '@adjoint/tensor'
 * const x = random.uniform({ minval: -1, maxval: 1 })(random.key(0), [2, 3])
 * console.log(x.shape, await readAsync(x))
 * ```
 */
export const uniform = (config: UniformConfig = {}): Sampler => {
  const { minval = 0, maxval = 1 } = optionsOf('random.uniform', config, { minval: true, maxval: true })
  return (key, shape) => {
    demandKey('uniform', key)
    const [lo, hi] = [Math.fround(minval), Math.fround(maxval)]
    if (!(lo < hi && Math.fround(hi - lo) < Infinity))
      throw new RangeError(
        `random.uniform: [${minval}, ${maxval}) holds no f32 or is too wide. Pass minval < maxval, both within 1e38 of 0.`,
      )
    return typed(uniformOf(key, shape ?? [], minval, maxval))
  }
}

/** Location and scale of a normal draw. */
export interface NormalConfig {
  /** Default 0. */
  readonly mean?: number
  /** Standard deviation. Default 1. */
  readonly stddev?: number
}
/** The least f32 above -1. */
const AFTER_MINUS_ONE = -1 + 2 ** -24

/**
 * Normally distributed: mean + stddev sqrt(2) erfinv(u) with u uniform in (-1, 1). f32.
 *
 * @example
 * ```ts
 * import { random, readAsync } from '@adjoint/tensor'
 * const weights = random.normal({ stddev: 0.02 })(random.key(0), [4, 4])
 * console.log(weights.shape, await readAsync(weights))
 * ```
 */
export const normal = (config: NormalConfig = {}): Sampler => {
  const { mean = 0, stddev = 1 } = optionsOf('random.normal', config, { mean: true, stddev: true })
  return (key, shape) => {
    const drawn = demandDraw('normal', key, shape)
    const standard = raw.mul(
      raw.fill(drawn, 'f32', Math.fround(Math.SQRT2)),
      erfinvOf(uniformOf(key, drawn, AFTER_MINUS_ONE, 1)),
    )
    const scaled = stddev === 1 ? standard : raw.mul(standard, like(standard, stddev))
    return typed(mean === 0 ? scaled : raw.add(scaled, like(scaled, mean)))
  }
}

/** The least normal f32. */
const TINY = 2 ** -126

const gumbelOf = (key: Key, shape: Shape): Expr => raw.neg(raw.log(raw.neg(raw.log(uniformOf(key, shape, TINY, 1)))))

/** Gumbel distributed: -log(-log(u)) with u uniform in (0, 1), so that all are between -4.5 and 16. f32. */
export const gumbel: Sampler = (key, shape) => typed(gumbelOf(key, demandDraw('gumbel', key, shape)))

/** Throws where a row of logits that the host knows has no distribution. */
const demandDistributions = (logits: Expr, axis: number): void => {
  const known = hostValues(logits)
  if (known === null) return
  const [n, inner] = [logits.shape[axis]!, sizeOf(logits.shape.slice(axis + 1))]
  for (let row = 0; row < sizeOf(logits.shape) / Math.max(1, n); row++) {
    const first = Math.floor(row / inner) * n * inner + (row % inner)
    const lines = Array.from({ length: n }, (_, i) => known[first + i * inner]!)
    const nan = lines.some(Number.isNaN)
    if (!nan && lines.some((v) => v > -Infinity)) continue
    throw new RangeError(
      `random.categorical(${showAval(logits)}): ${nan ? 'a logit' : 'every logit'} of row ${row} is ${nan ? 'NaN' : '-Infinity'}, so that ` +
        'nothing can be drawn. Mask with -Infinity, and leave one logit finite.',
    )
  }
}

/**
 * An index along `axis` (default: the last) with probability softmax(logits): the largest of logits + gumbel.
 * [.., n, ..] -> [.., ..], i32. Logits of -Infinity are never drawn. A row with a NaN, or of -Infinity alone, has no distribution:
 * host data is then an error (RangeError, which names the row), and of what only the program knows the result is -2^31, a position
 * outside of every axis, at which `take` reads NaN.
 *
 * @example
 * ```ts
 * import { random, readAsync, tensor } from '@adjoint/tensor'
 * const logits = tensor([[0, 0, -Infinity], [0, 9, 0]])
 * console.log(await readAsync(random.categorical(-1)(random.key(0), logits)))
 * ```
 */
export const categorical =
  <const A extends number = -1>(axis?: A) =>
  <S extends Shape>(key: Key, logits: Tensor<S, 'f32'> & Check<Reduce<S, A>>): Tensor<Ok<Reduce<S, A>>, 'i32'> => {
    demandKey('categorical', key)
    const x: Tensor = logits
    requireDType('random.categorical', x, ['f32'], "Cast first: cast('f32')(logits)")
    const a = normalizeAxis('random.categorical', axis ?? -1, x.shape.length, x)
    demandDistributions(x, a)
    const noisy: Tensor = typed(raw.add(gumbelOf(key, x.shape), x))
    const drawn: Expr = argmax(a)(noisy)
    // NaN, which the maximum hands on, is not above -Infinity
    const best = raw.reduceMax(noisy, [a])
    const possible = raw.gt(best, raw.fillLike(best, -Infinity))
    return typed(raw.where(possible, drawn, raw.fillLike(drawn, raw.invalid('i32'))))
  }

/** true with probability p (a number, or a tensor that broadcasts to the shape). Throws RangeError for a number that is no probability. */
export const bernoulli =
  (p: number | Tensor<Shape, 'f32'> = 0.5): Sampler<'bool'> =>
  (key, shape) => {
    const draw = uniformOf(key, demandDraw('bernoulli', key, shape), 0, 1)
    const chance: Operand = p
    if (typeof chance !== 'number') requireDType('random.bernoulli', chance, ['f32'], "Cast first: cast('f32')(p)")
    else if (!(chance >= 0 && chance <= 1))
      throw new RangeError(`random.bernoulli: ${chance} is no probability. Pass a number from 0 to 1.`)
    return typed(raw.lt(draw, typeof chance === 'number' ? like(draw, chance) : expand(chance, draw.shape)))
  }

/**
 * Integers from `lo` to before `hi`, i32. The remainder of random bits, bit for bit as JAX takes it: of 64 of them for spans up to
 * 2^16, where no value is likelier than another by more than 2^-48 of its probability, and in effect of 32 for wider ones, where it
 * may be by span / 2^32 of it. Throws RangeError unless -2^31 <= lo < hi <= 2^31 are integers.
 */
export const randint = (lo: number, hi: number): Sampler<'i32'> => {
  if (!Number.isInteger(lo) || !Number.isInteger(hi) || lo >= hi || lo < -(2 ** 31) || hi > 2 ** 31)
    throw new RangeError(
      `random.randint: [${lo}, ${hi}) is no range of i32 integers. Pass integers lo < hi, from -2^31 to 2^31.`,
    )
  const span = hi - lo
  return (key, shape) => {
    const drawn = demandDraw('randint', key, shape)
    const [k1, k2] = split(key, 2)
    const [high, low] = [bitsOf(k1, drawn), bitsOf(k2, drawn)]
    if (span === 2 ** 32) return typed(raw.cast('i32', low))
    // 2^32 mod span by way of 2^16, in u32 (where 2^16 2^16 = 0), which is how JAX computes it
    const root = 2 ** 16 % span
    const multiplier = ((root * root) % 2 ** 32) % span
    const rest = (x: Expr): Expr => raw.mod(x, like(x, span))
    const offset = rest(raw.add(raw.mul(rest(high), like(high, multiplier)), rest(low)))
    return typed(raw.add(raw.cast('i32', offset), raw.fill(offset.shape, 'i32', lo)))
  }
}

/**
 * The numbers 0 .. n - 1 in random order: i32 [n]. Sorted by random bits, as often as equal bits require (as in JAX). Throws
 * ShapeError where n is no size.
 */
export const permutation =
  <const N extends number>(n: N) =>
  (key: Key): Tensor<readonly [N], 'i32'> => {
    demandDraw('permutation', key, [n])
    const rounds = Math.ceil((3 * Math.log(Math.max(1, n))) / Math.log(2 ** 32 - 1))
    let order: Expr = raw.iota([n], 0, 'i32')
    let current = key
    for (let round = 0; round < rounds; round++) {
      const [next, now] = split(current, 2)
      current = next
      order = raw.take(order, raw.argsort(bitsOf(now, [n]), 0, false), 0, 'nearest')
    }
    return typed(order)
  }
