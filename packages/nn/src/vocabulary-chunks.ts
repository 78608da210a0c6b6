/**
 * What losses need of logits z = x W + b, [N, V], without storing them: a scan over chunks of the vocabulary, [N, v] at a time. The
 * largest logit m of each row, l = sum e^(z - m) and u = sum (z - m) e^(z - m) are carried on, and when a chunk has a larger
 * one, m', brought to it (Milakov and Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867):
 *
 *     l' = a l + sum e^(z - m')        u' = a (u + (m - m') l) + sum (z - m') e^(z - m'),        a = e^(m - m')
 *
 * Then the log-sum-exp is m + log l, and the entropy log l - u / l. Derivatives are those of p = e^(z - m) / l, made again chunk by chunk
 * from x, W, m and l (the same logits of a cotangent, d, are never stored either):
 *
 *     d chosen = dz_y      d lse = sum p dz      d entropy = -sum p (log p + H) dz      d spread = sum c dz + sum z dc
 *
 * Reverse mode is the transpose: a chunk's dz = onehot g_chosen + p (g_lse - (log p + H) g_entropy) + c g_spread gives
 * dx += dz W^T, and the chunk's columns of dW = x^T dz, which are written once.
 *
 * The vocabulary is cut rather than the rows, since a round reads and writes what all rounds add to: dx [N, C] here, and there dW [C, V],
 * which is larger by V / N. Source: Wijmans et al., Cut your losses in large-vocabulary language models (arXiv:2411.09009); Hsu et al.,
 * Liger kernel (arXiv:2410.10989), which cuts rows.
 */
import { customJvp } from '@adjoint/autograd'
import {
  add,
  and,
  arange,
  argmax,
  div,
  dynamicSlice,
  eq,
  exp,
  expandDims,
  full,
  ge,
  gt,
  log,
  matmul,
  max,
  maximum,
  minimum,
  mul,
  type Scalar,
  scan,
  stopGradient,
  sub,
  sum,
  transpose,
  type TreeRecord,
  where,
  zeros,
} from '@adjoint/tensor'
import type { Booleans, Floats, Integers } from './layer.ts'

/** Logits up to this many, 64 MiB of them, are looked at together. */
const AT_ONCE = 2 ** 24

/** How many chunks of how many tokens; the last one begins earlier where it would not fit, and leaves out what was seen before. */
export interface VocabularyChunks {
  readonly size: number
  readonly count: number
}

/** The chunks of logits [N, V], by their sizes alone: as many tokens as make 2^24 logits, at least 256. Null for one. */
export const vocabularyChunks = (N: number, V: number, chunk?: number): VocabularyChunks | null => {
  const most = chunk ?? (N * V <= AT_ONCE ? V : Math.max(256, Math.floor(AT_ONCE / N)))
  if (most >= V) return null
  // about equally long, and a multiple of 16 where that is more than one
  const equal = Math.ceil(V / Math.ceil(V / most))
  const size = chunk ?? Math.min(V, 16 * Math.ceil(equal / 16))
  return { size, count: Math.ceil(V / size) }
}

/** An output layer: logits = x W + b, where the weight is [C, V], or the table [V, C] of an embedding (`tied`). */
export interface Output extends TreeRecord {
  readonly weight: Floats
  readonly bias: Floats | null
  /** c, [V]; null where all are 1. */
  readonly classWeights: Floats | null
}

/** What is known of each row of logits, [N] each. */
export interface RowStatistics extends TreeRecord {
  /** The target's logit; 0 where the target is none of 0 to V - 1. */
  readonly chosen: Floats
  /** log sum e^z. */
  readonly lse: Floats
  /** -sum p log p, nats. */
  readonly entropy: Floats
  /** sum c z. */
  readonly spread: Floats
  /** The first token of the largest logit. */
  readonly likeliest: Integers
}

/** Below all logits, and finite, where -Infinity - -Infinity would be NaN. */
const LOWEST = -3e38
const over = { axis: -1 } as const
const column = expandDims(-1)

/** A chunk of logits [N, v], which tokens it is of, and whether they are new. */
interface Part {
  readonly z: Floats
  readonly token: Integers
  readonly fresh: Booleans | null
}

/** The statistics of rows x [N, C] of which `targets` [N] are the tokens that count. */
export const rowStatistics =
  ({ size, count }: VocabularyChunks, tied: boolean) =>
  (rows: Floats, output: Output, targets: Integers): RowStatistics => {
    const [N, C] = rows.shape as readonly [number, number]
    const V = output.weight.shape[tied ? 0 : 1]!
    const starts: Integers = mul(arange(count), size)
    const weightsAt = (weight: Floats, start: Scalar<'i32'>): Floats =>
      tied
        ? transpose([1, 0])(dynamicSlice([size, C])(weight, [start, 0]))
        : dynamicSlice([C, size])(weight, [0, start])
    const tokensAt = (of: Floats, start: Scalar<'i32'>): Floats => dynamicSlice([size])(of, [start])
    const logitsAt = (x: Floats, { weight, bias }: Output, start: Scalar<'i32'>): Part => {
      const product: Floats = matmul(x, weightsAt(weight, start))
      const token: Integers = add(arange(size), minimum(start, V - size))
      return {
        z: bias === null ? product : add(product, tokensAt(bias, start)),
        token,
        fresh: count * size === V ? null : ge(token, start),
      }
    }
    const ifFresh = ({ fresh }: Part, z: Floats, otherwise: number): Floats =>
      fresh === null ? z : where(fresh, z, otherwise)
    const isTarget = ({ token, fresh }: Part): Booleans => {
      const here: Booleans = eq(column(targets), token)
      return fresh === null ? here : and(here, fresh)
    }
    const weighed = (z: Floats, classWeights: Floats | null, start: Scalar<'i32'>): Floats =>
      classWeights === null ? z : mul(z, tokensAt(classWeights, start))

    const forward = (x: Floats, of: Output) => {
      const none: Floats = zeros([N])
      const first = {
        m: full([N], LOWEST) as Floats,
        l: none,
        u: none,
        chosen: none,
        spread: none,
        likeliest: zeros([N], 'i32') as Integers,
      }
      const [{ m, l, u, chosen, spread, likeliest }] = scan(
        (now: typeof first, start: Scalar<'i32'>) => {
          const part = logitsAt(x, of, start)
          const z = ifFresh(part, part.z, -Infinity)
          const largest: Floats = stopGradient(max(over)(z))
          const m: Floats = maximum(now.m, largest)
          const less: Floats = sub(z, column(m))
          const e: Floats = exp(less)
          const kept: Floats = exp(sub(now.m, m))
          const brought: Floats = add(now.u, mul(sub(now.m, m), now.l))
          const at: Integers = add(argmax(-1)(z), minimum(start, V - size))
          const next: typeof first = {
            m,
            l: add(mul(kept, now.l), sum(over)(e)),
            // (z - m) e^(z - m) -> 0 where it underflows, and so does its derivative
            u: add(mul(kept, brought), sum(over)(mul(e, where(gt(e, 0), less, 0)))),
            chosen: add(now.chosen, sum(over)(where(isTarget(part), part.z, 0))),
            spread: add(now.spread, sum(over)(ifFresh(part, weighed(part.z, of.classWeights, start), 0))),
            likeliest: where(gt(largest, now.m), at, now.likeliest),
          }
          return [next, null] as const
        },
        { keep: 'carries' },
      )(first, starts as never)
      const logTotal: Floats = log(l)
      const statistics: RowStatistics = {
        chosen,
        lse: add(m, logTotal),
        entropy: sub(logTotal, div(u, l)),
        spread,
        likeliest,
      }
      return { statistics, m, l, logTotal }
    }

    const rule = customJvp<readonly [Floats, Output], RowStatistics>(
      (x, of) => forward(x, of).statistics,
      ([x, of], [dx, dof]) => {
        const { statistics, m, l, logTotal } = forward(x, of)
        const H = column(statistics.entropy)
        const none: Floats = zeros([N])
        const first = { chosen: none, lse: none, entropy: none, spread: none }
        const [tangents] = scan(
          (now: typeof first, start: Scalar<'i32'>) => {
            const part = logitsAt(x, of, start)
            const [weight, dWeight] = [weightsAt(of.weight, start), weightsAt(dof.weight, start)]
            const dProduct: Floats = add(matmul(dx, weight), matmul(x, dWeight))
            const dz: Floats = dof.bias === null ? dProduct : add(dProduct, tokensAt(dof.bias, start))
            const less: Floats = sub(part.z, column(m))
            const p = ifFresh(part, div(exp(less), column(l)), 0)
            const logp: Floats = where(gt(p, 0), sub(less, column(logTotal)), 0)
            const dSpread = weighed(dz, of.classWeights, start)
            const next: typeof first = {
              chosen: add(now.chosen, sum(over)(where(isTarget(part), dz, 0))),
              lse: add(now.lse, sum(over)(mul(p, dz))),
              entropy: sub(now.entropy, sum(over)(mul(mul(p, add(logp, H)), dz))),
              spread: add(
                now.spread,
                sum(over)(
                  ifFresh(
                    part,
                    dof.classWeights === null ? dSpread : add(dSpread, weighed(part.z, dof.classWeights, start)),
                    0,
                  ),
                ),
              ),
            }
            return [next, null] as const
          },
          { keep: 'carries' },
        )(first, starts as never)
        return [statistics, { ...tangents, likeliest: null }] as never
      },
    )
    return rule(rows, output)
  }
