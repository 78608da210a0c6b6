/**
 * Attention by chunks of queries, so that no [T, S] is ever stored: a scan, one step of the program whatever the number of chunks,
 * over the rows of the queries. With x_i the scores of chunk i, [c, S], m_i the largest of each row and l_i its sum,
 *
 *     x_i = scale q_i k^T + bias_i     e_i = exp(x_i - m_i)     l_i = sum e_i     out_i = e_i v / l_i
 *
 * and derivatives are those of p_i = e_i / l_i, made again from q, k, m and l alone:
 *
 *     d out_i = (p_i * dx_i) v - sum(p_i * dx_i) out_i + p_i dv,     dx_i = scale (dq_i k^T + q_i dk^T) + dbias_i
 *
 * Reverse mode is the transpose of that, which for a cotangent o_i of out_i is the backward pass of FlashAttention (equations below
 * are section 2.3.2 and algorithm 2 of FlashAttention-2; m and l are kept rather than their log-sum-exp, so that p has the bits of the
 * forward pass however large scores are):
 *
 *     dx_i = p_i * (o_i v^T - sum(o_i * out_i)),   dq_i = scale dx_i k,   dk = scale sum_i dx_i^T q_i,   dv = sum_i p_i^T o_i
 *
 * One rule serves both modes, to any order: scans that carry nothing save nothing (`keep: 'carries'`).
 *
 * Causal chunks are taken in four bands. Those of a band look at the keys up to its last query's only: 5/8 of all products.
 *
 * Source: Dao et al. (arXiv:2205.14135), Dao (arXiv:2307.08691); chunks of queries: Rabe and Staats (arXiv:2112.05682).
 */
import { customJvp } from '@adjoint/autograd'
import {
  add,
  and,
  arange,
  concat,
  div,
  exp,
  gt,
  isTensor,
  matmul,
  max,
  minimum,
  mul,
  ne,
  pad,
  reshape,
  scan,
  slice,
  stopGradient,
  sub,
  sum,
  type Shape,
  type Tensor,
  transpose,
  tree,
  type TreeRecord,
  where,
} from '@adjoint/tensor'
import type { Booleans, Floats, Integers } from './layer.ts'
import { HIDDEN, type Visible, visibleTo } from './visibility.ts'

/** Where at most this many queries or keys are looked at together, all are: scores are then no larger than a few chunks. */
const AT_ONCE = 256
/** Rows of a chunk's products: c queries of each of the G heads that share keys. */
const ROWS = 128
const BANDS = 4

/** Chunks `from` up to `to` look at the first `keys` keys. */
interface Band {
  readonly from: number
  readonly to: number
  readonly keys: number
}
/** How many chunks of how many queries; the last one may hold fewer. */
export interface Chunks {
  readonly size: number
  readonly count: number
  readonly bands: readonly Band[]
}

/**
 * The chunks of T queries in groups of G heads over S keys, by their sizes alone: c = max(16, 128 / G) or less, so that all are about
 * equally full. Null for one chunk: where T or S is at most 256, or `chunk` at least T.
 */
export const chunksOf = (
  [G, T, S]: readonly [number, number, number],
  visible: Visible,
  chunk: number | undefined,
): Chunks | null => {
  if (chunk === undefined ? T <= AT_ONCE || S <= AT_ONCE : chunk >= T) return null
  const count = Math.ceil(T / (chunk ?? Math.max(16, Math.ceil(ROWS / G))))
  const size = Math.ceil(T / count)
  const triangle = visible !== null && !isTensor(visible) && visible.causal && visible.first === null
  const inBand = triangle ? Math.ceil(count / BANDS) : count
  const bands = Array.from({ length: Math.ceil(count / inBand) }, (_, i): Band => {
    const to = Math.min(count, (i + 1) * inBand)
    return { from: i * inBand, to, keys: triangle ? Math.min(S, to * size) : S }
  })
  return { size, count, bands }
}

/** What a round knows of its chunk: queries [B, KV, G, c, D], their numbers [c], and rows of what has one for each query. */
interface Chunk extends TreeRecord {
  readonly q: Floats
  readonly index: Integers
  readonly mask: Booleans | null
  readonly bias: Floats | null
}
/** What is kept of the forward pass: out [B, KV, G, c, E], and the largest score and the sum of each row, [B, KV, G, c, 1]. */
interface Kept extends TreeRecord {
  readonly out: Floats
  readonly largest: Floats
  readonly total: Floats
}
type Bias = Floats | null

const row = { axis: -1, keepDims: true } as const

type Five = readonly [number, number, number, number, number]
/** To rank 5 by axes of 1 in front, as broadcasting does. */
const five = <D extends 'f32' | 'bool'>(x: Tensor<Shape, D>): Tensor<Shape, D> =>
  reshape([...Array.from({ length: 5 - x.shape.length }, () => 1), ...x.shape])(x)

/** [.., .., .., T, X] -> [n, .., .., .., c, X], with rows of zeros at the end where the last chunk is not full. */
const chunked =
  ({ size, count }: Chunks) =>
  <D extends 'f32' | 'bool'>(x: Tensor<Shape, D>): Tensor<Shape, D> => {
    const [B, KV, G, T, X] = x.shape as Five
    const none = [0, 0] as const
    const widths = [none, none, none, [0, size * count - T] as const, none]
    const full: Tensor<Shape, D> = T === size * count ? x : pad(widths)(x)
    return transpose([3, 0, 1, 2, 4, 5])(reshape([B, KV, G, count, size, X])(full))
  }

/** [n, B, KV, G, c, X] -> [B, KV, G, T, X]. */
const unchunked =
  (T: number) =>
  (x: Floats): Floats => {
    const [n, ...rest] = x.shape as readonly [number, ...Five]
    const [B, KV, G, c, X] = rest
    const full: Floats = reshape([B, KV, G, n * c, X])(transpose([1, 2, 3, 0, 4, 5])(x))
    return n * c === T ? full : slice([0, 0, 0, 0], [B, KV, G, T])(full)
  }

/** The products of a chunk's rows and a matrix for each key-value head: [B, KV, G, c, X], [B, KV, X, Y] -> [B, KV, G, c, Y]. */
const products = (x: Floats, matrix: Floats): Floats => {
  const [B, KV, G, c, X] = x.shape as Five
  return reshape([B, KV, G, c, matrix.shape[3]!])(matmul(reshape([B, KV, G * c, X])(x), matrix))
}
const turned = transpose([0, 1, 3, 2])

/** The first keys, for what has all of them along an axis. */
const firstKeys =
  (axis: number, all: number, keys: number) =>
  <D extends 'f32' | 'bool'>(x: Tensor<Shape, D>): Tensor<Shape, D> =>
    x.shape[axis] !== all || keys === all
      ? x
      : slice(
          x.shape.map(() => 0),
          x.shape.map((n, i) => (i === axis ? keys : n)),
        )(x)

/**
 * `attend` by chunks: queries [B, KV, G, T, D], keys [B, KV, S, D], values [B, KV, S, E], and a bias that broadcasts to
 * [B, KV, G, T, S], or null.
 */
export const attendChunks =
  (chunks: Chunks, visible: Visible, scale: number) =>
  (queries: Floats, keys: Floats, values: Floats, bias: Floats | null): Floats => {
    const [T, S] = [queries.shape[3]!, keys.shape[2]!]
    const cut = chunked(chunks)
    const rowsOf = <D extends 'f32' | 'bool'>(x: Tensor<Shape, D> | null): Tensor<Shape, D> | null =>
      x !== null && x.shape[3] === T ? cut(x) : null
    const mask: Booleans | null = isTensor(visible) ? five(visible) : null
    // The last chunk is filled up with the last query, whose rows there are cut off again.
    const index: Integers = reshape([chunks.count, chunks.size])(minimum(arange(chunks.count * chunks.size), T - 1))
    const chunksOfRows = (q: Floats, bias: Bias): Chunk => ({
      q: cut(q),
      index,
      mask: rowsOf(mask),
      bias: rowsOf(bias),
    })

    /** Scores of a chunk and the first keys, and which of them are shown: all, where that is null. */
    const scored = (
      of: Chunk,
      k: Floats,
      whole: Bias,
    ): { readonly shown: Booleans | null; readonly scores: Floats } => {
      const near = k.shape[2]!
      const scores: Floats = mul(products(of.q, turned(k)), scale)
      const hiding: Booleans[] = []
      if (visible !== null && !isTensor(visible)) hiding.push(visibleTo({ ...visible, keys: near }, of.index))
      if (mask !== null) hiding.push(firstKeys(4, S, near)(of.mask ?? mask))
      const added = of.bias ?? whole
      const here: Bias = added === null ? null : firstKeys(4, S, near)(added)
      if (here !== null) hiding.push(ne(here, -Infinity))
      const shown = hiding.length === 0 ? null : hiding.reduce((all, part): Booleans => and(all, part))
      return { shown, scores: here === null ? scores : add(scores, where(ne(here, -Infinity), here, 0)) }
    }
    const exponentials = (shown: Booleans | null, less: Floats): Floats =>
      exp(shown === null ? less : where(shown, less, HIDDEN))

    /** A scan over the chunks of each band, the results one after another. */
    const overBands = <X extends TreeRecord, Y extends TreeRecord>(
      rows: X,
      round: (keys: number) => (x: X) => Y,
    ): Y => {
      const found = chunks.bands.map((band): Y => {
        const body = round(band.keys)
        const each = scan((_: null, x: X) => [null, body(x)] as const, { keep: 'carries' })
        return each(null, tree.map((x) => slice([band.from], [band.to])(x), rows) as never)[1] as Y
      })
      const [one, ...more] = found
      return more.length === 0 ? one! : tree.map((...parts) => concat(0)(parts), one!, ...more)
    }

    const forward = (rows: Chunk, k: Floats, v: Floats, bias: Bias): Kept =>
      overBands(rows, (near) => {
        const [kNear, vNear] = [firstKeys(2, S, near)(k), firstKeys(2, S, near)(v)]
        return (of) => {
          const { shown, scores } = scored(of, kNear, bias)
          const largest: Floats = stopGradient(max(row)(shown === null ? scores : where(shown, scores, HIDDEN)))
          const e = exponentials(shown, sub(scores, largest))
          const sums: Floats = sum(row)(e) // at least 1 where anything is visible
          const total: Floats = where(gt(sums, 0), sums, 1)
          return { out: div(products(e, vNear), total), largest, total }
        }
      })

    const attended = (q: Floats, k: Floats, v: Floats, bias: Bias): Floats =>
      unchunked(T)(forward(chunksOfRows(q, bias), k, v, bias).out)

    const rule = customJvp<readonly [Floats, Floats, Floats, Bias], Floats>(
      attended,
      ([q, k, v, bias], [dq, dk, dv, dbias]) => {
        const of = chunksOfRows(q, bias)
        const kept = forward(of, k, v, bias)
        const { tangent } = overBands({ of, kept, dq: cut(dq), dbias: rowsOf(dbias) }, (near) => {
          const first = firstKeys(2, S, near)
          const [kNear, vNear, dkNear, dvNear] = [first(k), first(v), first(dk), first(dv)]
          return ({ of, kept: { out, largest, total }, dq, dbias: dbiasRows }) => {
            const { shown, scores } = scored(of, kNear, bias)
            const p: Floats = div(exponentials(shown, sub(scores, largest)), total)
            const dProducts: Floats = mul(add(products(dq, turned(kNear)), products(of.q, turned(dkNear))), scale)
            const added = dbiasRows ?? dbias
            const dx: Floats = added === null ? dProducts : add(dProducts, firstKeys(4, S, near)(added))
            const moved: Floats = mul(p, dx)
            const ofWeights: Floats = sub(products(moved, vNear), mul(sum(row)(moved), out))
            return { tangent: add(ofWeights, products(p, dvNear)) }
          }
        })
        return [unchunked(T)(kept.out), unchunked(T)(tangent)]
      },
    )
    return rule(queries, keys, values, bias === null ? null : five(bias))
  }
