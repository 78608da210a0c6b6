/**
 * LoRA: a model whose parameters stay as they are, and beside each chosen matrix W [in, out] a product s A B of rank r that is trained.
 * An adapter is data: `{ 'blocks.0.attention.q': { a, b }, .. }`. `adapt(base, adapter)` are parameters of the model, for whatever
 * takes them; a function of the adapter alone is differentiated by it alone, and the base is read where it is. The model without an
 * adapter is the base itself: `adapt(base, {})`. Source: Hu et al. (arXiv:2106.09685).
 */
import { add, cast, isTensor, random, scalar, ShapeError, sub, type Tree, TreeError, zeros } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandKey, demandSizes } from '../demands.ts'
import { uniformInit } from '../init.ts'
import type { Floats, Key } from '../layer.ts'
import { dense, type LowRankSum, sizesOf, type Weight } from '../weight.ts'
import { type LowRankPart, lowRankMatrix } from './low-rank.ts'
import { type Columns, mapMatrices, type Split, type WithWeights } from './matrices.ts'
import { targeted, type Targets } from './targets.ts'

/** A and B of one target: A [in, r], B [r, columns]. */
export type LowRank = { readonly a: Floats; readonly b: Floats }

/** A and B by the path of their target. An empty one is the model as it was. */
export type Adapter = Readonly<Record<string, LowRank>>

/** What an adapter is like. */
export interface LoraConfig {
  /** r. */
  readonly rank: number
  /** What s = alpha / r is made of. Default: r. */
  readonly alpha?: number
  /**
   * s = alpha / sqrt r, with which what is learnt does not shrink as r grows (rsLoRA; Kalajdzievski, arXiv:2312.03732). Default
   * false.
   */
  readonly rankStabilized?: boolean
  /** Probability that an element of an adapter's input is dropped, where a key is given. Below 1. Default 0. */
  readonly dropout?: number
  readonly targets: Targets
  /** How matrices are split that are several in one; see `projections`. Default: none is. */
  readonly split?: Split
}

/** What is done with adapters; see `lora`. */
export interface Lora {
  /** A new adapter, with which the model is what it was. Throws TreeError where nothing of the base is a target. */
  readonly init: (base: Tree) => (key: Key) => Adapter
  /**
   * The base's parameters with the adapter in place; with a key, dropout is on. Throws TreeError or ShapeError for an adapter of
   * another model.
   */
  readonly adapt: <P extends Tree>(base: P, adapter: Adapter, options?: AdaptOptions) => WithWeights<P, LowRankSum>
  /** `W + s A B` in place of each W, in its dtype: parameters of the model as they were before. Throws as `adapt`. */
  readonly merge: <P extends Tree>(base: P, adapter: Adapter) => WithWeights<P, Floats>
  /** `W - s A B`: takes a merged adapter out again, up to rounding. Throws as `adapt`. */
  readonly unmerge: <P extends Tree>(merged: P, adapter: Adapter) => WithWeights<P, Floats>
}

/** What varies from call to call. */
export interface AdaptOptions {
  /** What dropout draws from. Default: nothing is dropped. */
  readonly key?: Key
}

/**
 * Adapters of one kind: how they begin, and how they stand in a model. A begins uniform within 1 / sqrt(in), as PEFT's do
 * (Kaiming's with a = sqrt 5), B at 0. Throws RangeError for a rank, an alpha or a dropout that is none.
 *
 * @example
 * ```ts
 * import { grad } from '@adjoint/autograd'
 * import { type Adapter, crossEntropy, llama, lora, projections, transformer } from '@adjoint/nn'
 * import { random, tensor, tree } from '@adjoint/tensor'
 * const model = transformer(llama({ vocab: 21, width: 16, layers: 2, heads: 4, kvHeads: 2, context: 8 }))
 * const base = model.init(random.key(0))
 * const { init, adapt } = lora({ rank: 4, alpha: 8, targets: ['q', 'v'], split: projections(model.config) })
 * const adapter = init(base)(random.key(1))
 * console.log(Object.keys(adapter)) // blocks.0.attention.q, blocks.0.attention.v, ..
 * console.log(tree.size(adapter)) // 2 (16 4 + 4 16 + 16 4 + 4 8) = 448
 * const [x, y] = [tensor([1, 5, 2], [1, 3], 'i32'), tensor([5, 2, 7], [1, 3], 'i32')]
 * const loss = (of: Adapter) => crossEntropy(model.apply(adapt(base, of))(x), y)
 * console.log(grad(loss)(adapter)['blocks.1.attention.v']?.b.shape) // [4, 8]
 * ```
 */
export const lora = (options: LoraConfig): Lora => {
  const {
    rank,
    alpha = rank,
    rankStabilized = false,
    dropout = 0,
    targets,
    split = () => null,
  } = optionsOf('lora', options, {
    rank: true,
    alpha: true,
    rankStabilized: true,
    dropout: true,
    targets: true,
    split: true,
  })
  demandSizes('lora', { rank })
  if (!(Number.isFinite(alpha) && alpha > 0))
    throw new RangeError(`lora: alpha is ${String(alpha)}. Give a number above 0.`)
  if (!(dropout >= 0 && dropout < 1))
    throw new RangeError(
      `lora: a dropout of ${String(dropout)} is no probability below 1. Give a number from 0 to below 1.`,
    )
  const isTarget = targeted(targets)
  const scaleOf = (r: number): number => alpha / (rankStabilized ? Math.sqrt(r) : r)

  const init: Lora['init'] = (base) => (key) => {
    demandKey('lora.init', key)
    const found: Record<string, LowRank> = {}
    const seen: string[] = []
    mapMatrices('lora.init', split)(base, (weight, columns) => {
      const [inputs] = sizesOf(weight)
      for (const { path, count } of columns) {
        // by its place among all, so that another choice of targets begins the same ones alike
        const own = random.foldIn(key, seen.push(path))
        if (isTarget(path))
          found[path] = { a: uniformInit(1 / Math.sqrt(inputs))(own, [inputs, rank]), b: zeros([rank, count]) }
      }
      return null
    })
    if (Object.keys(found).length === 0)
      throw new TreeError(`lora.init: no matrix of the model is a target. Its matrices are ${listed(seen)}.`)
    return found
  }

  /** The weights of the base, each with the adapter's parts of its columns: `place` says what becomes of both. */
  const over =
    <W extends Weight>(op: string, place: (weight: Weight, parts: readonly LowRankPart[]) => W, key?: Key) =>
    <P extends Tree>(base: P, adapter: Adapter): WithWeights<P, W> => {
      const used = new Set<string>()
      const seen: string[] = []
      const result = mapMatrices(op, split)(base, (weight, columns) => {
        for (const { path } of columns) seen.push(path)
        const own = columns.filter(({ path }) => Object.hasOwn(adapter, path))
        if (own.length === 0) return null
        for (const { path } of own) used.add(path)
        const [inputs] = sizesOf(weight)
        const parts = columns.map((to): LowRankPart => {
          const low = Object.hasOwn(adapter, to.path) ? adapter[to.path]! : nothing(inputs, to)
          demandFit(op, low, inputs, to)
          const r = low.a.shape[1]!
          return {
            ...low,
            scale: scalar(r === 0 ? 0 : scaleOf(r)),
            dropout:
              key === undefined || dropout === 0 || r === 0
                ? null
                : { key: random.foldIn(key, seen.indexOf(to.path)), kept: scalar(1 - dropout) },
          }
        })
        return place(weight, parts)
      })
      const stray = Object.keys(adapter).find((path) => !used.has(path))
      if (stray !== undefined)
        throw new TreeError(
          `${op}: the adapter is of another model: it has ${stray}, and the model's matrices are ${listed(seen)}. ` +
            'Adapt the model that it was made for, with the split it was made with.',
        )
      return result
    }
  const changed =
    (op: string, by: (x: Floats, y: Floats) => Floats) =>
    <P extends Tree>(base: P, adapter: Adapter): WithWeights<P, Floats> =>
      over<Floats>(op, (weight, parts) => {
        const matrix = by(dense(weight), lowRankMatrix(parts))
        return isTensor(weight) ? cast(weight.dtype)(matrix) : matrix
      })(base, adapter)

  return {
    init,
    adapt: (base, adapter, given = {}) => {
      const { key } = optionsOf('lora.adapt', given, { key: true })
      if (key !== undefined) demandKey('lora.adapt', key)
      return over('lora.adapt', (weight, parts) => ({ base: weight, parts }), key)(base, adapter)
    },
    merge: changed('lora.merge', (x, y) => add(x, y)),
    unmerge: changed('lora.unmerge', (x, y) => sub(x, y)),
  }
}

const nothing = (inputs: number, { count }: Columns): LowRank => ({ a: zeros([inputs, 0]), b: zeros([0, count]) })

const demandFit = (op: string, { a, b }: LowRank, inputs: number, { path, count }: Columns): void => {
  const r = a.shape[1]
  if (a.shape.length === 2 && b.shape.length === 2 && a.shape[0] === inputs && b.shape[0] === r && b.shape[1] === count)
    return
  throw new ShapeError({
    op,
    operands: [a, b],
    rule: `the adapter is of another model: its a and b at ${path} are to be [${inputs}, r] and [r, ${count}]`,
    fix: 'Adapt the model that it was made for',
  })
}

const SHOWN = 8
const listed = (paths: readonly string[]): string =>
  paths.length === 0
    ? 'none'
    : paths.slice(0, SHOWN).join(', ') + (paths.length > SHOWN ? `, and ${paths.length - SHOWN} more` : '')
