/** The matrices of a tree of parameters: the weights of its linear layers, and what their columns are called. */
import { isTensor, type Tensor, type Tree, TreeError } from '@adjoint/tensor'
import { demandFields } from '../demands.ts'
import type { TransformerConfig } from '../transformer.ts'
import { isWeight, sizesOf, type Weight } from '../weight.ts'

/** Some columns of a matrix, which are a target of their own. */
export interface Columns {
  readonly path: string
  readonly count: number
}

/** How the matrix of the layer at a path is split: the names of its parts, and how many columns each has. Null: it is one. */
export type Split = (path: string) => readonly { readonly name: string; readonly columns: number }[] | null

/**
 * How a transformer's projection into heads is split: into `q`, `k` and `v`, which stand beside `out` of its attention.
 *
 * @example
 * ```ts
 * import { llama, projections, transformer } from '@adjoint/nn'
 * const { config } = transformer(llama({ vocab: 21, width: 16, layers: 1, heads: 4, kvHeads: 2, context: 8 }))
 * console.log(projections(config)('blocks.0.attention.qkv')) // q of 16 columns, k and v of 8
 * ```
 */
export const projections = (config: Pick<Required<TransformerConfig>, 'heads' | 'kvHeads' | 'headDim'>): Split => {
  demandFields('projections', 'the configuration', config, ['heads', 'kvHeads', 'headDim'], 'Give model.config.')
  const { heads, kvHeads, headDim } = config
  return (path) =>
    /(^|\.)qkv$/.test(path)
      ? [
          { name: 'q', columns: heads * headDim },
          { name: 'k', columns: kvHeads * headDim },
          { name: 'v', columns: kvHeads * headDim },
        ]
      : null
}

/** A weight of type Old, or one of type New where it is a matrix or stands for one. */
export type Replaced<Old, New> =
  Old extends Tensor<infer S>
    ? number extends S['length']
      ? Old | New
      : S['length'] extends 2
        ? Old | New
        : Old
    : Old | New

/** The tree P with weights of type W in some of its linear layers, and what it had elsewhere. */
export type WithWeights<P, W> = [Tree] extends [P]
  ? P
  : P extends Tensor | null
    ? P
    : P extends { readonly weight: unknown; readonly bias: unknown }
      ? { readonly [K in keyof P]: K extends 'weight' ? Replaced<P[K], W> : P[K] }
      : { readonly [K in keyof P]: WithWeights<P[K], W> }

/**
 * The tree with another weight in each linear layer, a record of a `weight` that is a matrix, and a `bias`; null leaves it. The columns of a weight
 * have the path of its layer, or, of one that is split, those of its parts in the layer's place. Throws TreeError where the parts are
 * not all of its columns.
 */
export const mapMatrices =
  (op: string, split: Split) =>
  <P extends Tree, W extends Weight>(
    base: P,
    f: (weight: Weight, columns: readonly Columns[]) => W | null,
  ): WithWeights<P, W> => {
    const within = (value: Tree | undefined, path: readonly (string | number)[]): Tree | undefined => {
      if (value === null || value === undefined || isTensor(value)) return value
      if (Array.isArray(value))
        return (value as readonly Tree[]).map((item, i) => within(item, [...path, i])) as readonly Tree[]
      const record = value as Readonly<Record<string, Tree>>
      const weight = record['weight']
      if (isWeight(weight) && Object.hasOwn(record, 'bias')) {
        const whole = path.join('.')
        const parts = split(whole)
        const columns =
          parts === null
            ? [{ path: whole, count: sizesOf(weight)[1] }]
            : parts.map(({ name, columns: count }) => ({ path: [...path.slice(0, -1), name].join('.'), count }))
        demandWhole(op, whole, columns, sizesOf(weight)[1])
        return { ...record, weight: f(weight, columns) ?? weight }
      }
      // by name, as leaves are: not in the order in which somebody wrote them
      const keys = Object.keys(record).sort()
      return Object.fromEntries(keys.map((key) => [key, within(record[key], [...path, key])!]))
    }
    // of the same structure but for its weights, which are those of the base or of f
    return within(base, []) as WithWeights<P, W>
  }

const demandWhole = (op: string, path: string, columns: readonly Columns[], all: number): void => {
  const counts = columns.map(({ count }) => count)
  if (counts.reduce((n, count) => n + count, 0) === all) return
  throw new TreeError(
    `${op}: the matrix of ${path} has ${all} columns, and is split into ${counts.join(' + ')}. ` +
      'Give the split of this model: projections(model.config).',
  )
}
