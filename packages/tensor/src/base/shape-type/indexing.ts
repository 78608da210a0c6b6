/** Shapes of indexing and of nested data at compile time. */
import type { Dim, Shape } from '../shape.ts'
import type { Axis } from './axes.ts'
import type { Unranked } from './dims.ts'

/** x.shape[:A] ++ indices.shape ++ x.shape[A+1:]. */
export type Take<S extends Shape, I extends Shape, A extends number> =
  Unranked<S> extends true
    ? Shape
    : Unranked<I> extends true
      ? Shape
      : Axis<S, A> extends infer At
        ? At extends number
          ? number extends At
            ? Shape
            : TakeAt<S, I, At>
          : At
        : never
type TakeAt<
  S extends Shape,
  I extends Shape,
  At extends number,
  Done extends Shape = readonly [],
> = S extends readonly [infer D extends Dim, ...infer Rest extends Shape]
  ? Done['length'] extends At
    ? readonly [...Done, ...I, ...Rest]
    : TakeAt<Rest, I, At, readonly [...Done, D]>
  : never

/** The shape of nested arrays of numbers, each level of some run-time length. */
export type NestedShape<T> = T extends number | boolean
  ? readonly []
  : T extends readonly never[]
    ? readonly [number]
    : T extends readonly (infer E)[]
      ? NestedShape<E> extends infer R extends Shape
        ? readonly [number, ...R]
        : Shape
      : Shape
