/**
 * Which keys each query may see, as what it follows from. Nothing in it is as large as queries by keys: the rows of the mask are
 * comparisons of counters, made where they are used, for as many queries at a time as are looked at.
 */
import {
  add,
  and,
  arange,
  broadcastTo,
  eq,
  expandDims,
  ge,
  isTensor,
  reshape,
  type Scalar,
  type Shape,
  ShapeError,
  slice,
  take,
} from '@adjoint/tensor'
import { demandFields } from './demands.ts'
import type { Booleans, Integers } from './layer.ts'

/** What queries may see: everything, less what each part that is there hides. */
export interface Visibility {
  /** Queries, T. */
  readonly queries: number
  /** Keys, S, in columns from 0 on. */
  readonly keys: number
  /** The first query's column; null for 0. */
  readonly first: Scalar<'i32'> | null
  /** Whether a query sees only keys of its own column and of those before it. */
  readonly causal: boolean
  /** `[B]`: a row's keys begin at this column, those before it are padding; null where none is. */
  readonly starts: Integers | null
  /** Sequences packed side by side: a query sees keys of its own segment. Null where rows are one sequence. */
  readonly segments: Segments | null
}

/** Which sequence each column belongs to: queries [B, T], keys [B, S]. */
export interface Segments {
  readonly queries: Integers
  readonly keys: Integers
}

/** A mask as what it follows from, as a tensor that broadcasts to [B, KV, G, T, S], or null where nothing is hidden. */
export type Visible = Visibility | Booleans | null

const FIELDS: readonly (keyof Visibility)[] = ['queries', 'keys', 'first', 'causal', 'starts', 'segments']

/**
 * The rows of the mask for the queries at `index` [c], counted from the first one: [c, S], or [B, 1, 1, c, S] where rows of
 * the batch differ. With fewer `keys` than there are, those of the first ones.
 */
export const visibleTo = ({ keys, first, causal, starts, segments }: Visibility, index: Integers): Booleans => {
  const key: Integers = arange(keys) // [S]
  const column: Integers = first === null ? index : add(index, first) // [c]
  const count = index.shape[0]!
  const parts: Booleans[] = []
  if (causal) parts.push(ge(expandDims(-1)(column), key)) // [c, S]
  if (starts !== null) parts.push(ge(key, reshape([starts.shape[0]!, 1, 1, 1, 1])(starts))) // [B, 1, 1, 1, S]
  if (segments !== null) {
    const B = segments.keys.shape[0]!
    const ids: Integers = slice([0, 0], [B, keys])(segments.keys)
    const own: Integers = take(1)(segments.queries, index) // [B, c]
    parts.push(eq(reshape([B, 1, 1, count, 1])(own), reshape([B, 1, 1, 1, keys])(ids)))
  }
  const [one, ...more] = parts
  if (one === undefined) return broadcastTo([count, keys])(ge(key, 0))
  return more.reduce((all, part): Booleans => and(all, part), one)
}

/**
 * The whole mask, [T, S], or [B, 1, 1, T, S] where rows of the batch differ.
 *
 * @example
 * ```ts
 * import { maskOf, place } from '@adjoint/nn'
 * import { readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(maskOf(place({ queries: 2 }).visible))) // [1, 0, 1, 1]: a triangle
 * ```
 */
export const maskOf = (visible: Visibility): Booleans => {
  demandFields('maskOf', 'its argument', visible, FIELDS, 'Give place(columns).visible.')
  return visibleTo(visible, arange(visible.queries))
}

/** What a hidden score is: large and finite, where -Infinity - -Infinity would be NaN, and exp(-1e30) is exactly 0. */
export const HIDDEN = -1e30

/** Throws ShapeError where what is visible is that of other queries and keys than these. */
export const demandVisible = (visible: Visible, [B, T, S]: readonly [number, number, number]): void => {
  if (visible === null || isTensor(visible)) return
  demandFields('attend', 'what is visible', visible, FIELDS, 'Give place(columns).visible, a mask, or null for all.')
  const { queries, keys, starts, segments } = visible
  const fits = (x: Integers, shape: Shape): boolean =>
    x.shape.length === shape.length && shape.every((n, i) => n === x.shape[i])
  if (queries !== T || keys !== S)
    throw new ShapeError({
      op: 'attend',
      operands: [],
      rule: `what is visible is that of ${queries} queries and ${keys} keys, and there are ${T} and ${S}`,
      fix: 'Place as many columns as there are: place({ queries, keys })',
    })
  if (starts !== null && !fits(starts, [B]))
    throw new ShapeError({
      op: 'attend',
      operands: [starts],
      rule: `starts are [${B}], one for each row of the batch`,
      fix: 'Make them with leftPad',
    })
  if (segments !== null && !(fits(segments.queries, [B, T]) && fits(segments.keys, [B, S])))
    throw new ShapeError({
      op: 'attend',
      operands: [segments.queries, segments.keys],
      rule: `segments are [${B}, ${T}] of queries and [${B}, ${S}] of keys`,
      fix: 'Give the number of a sequence for each column',
    })
}
