/** Movement at compile time: transposes, inserted and removed axes, reshapes. */
import type { Dim, Shape, Var } from '../shape.ts'
import type { Axes, Axis, Named, Without } from './axes.ts'
import type { ShapeMismatch, Show, Unranked } from './dims.ts'
import type { Cheap, Product } from './literal.ts'

type Reverse<S extends Shape> = S extends readonly [...infer Init extends Shape, infer D extends Dim]
  ? readonly [D, ...Reverse<Init>]
  : readonly []

type Pick1<S extends Shape, A extends number> =
  Axis<S, A> extends infer I ? (I extends number ? (number extends I ? number : S[I]) : I) : never

type PermuteBy<S extends Shape, P extends readonly number[], Done extends Shape = readonly []> = P extends readonly [
  infer A extends number,
  ...infer Rest extends readonly number[],
]
  ? Pick1<S, A> extends infer D
    ? D extends Dim
      ? PermuteBy<S, Rest, readonly [...Done, D]>
      : D
    : never
  : Done

/** Axes in the order P; reversed where P is undefined. */
export type Transpose<S extends Shape, P extends readonly number[] | undefined> =
  Unranked<S> extends true
    ? Shape
    : [P] extends [readonly number[]]
      ? Unranked<P> extends true
        ? Shape
        : P['length'] extends S['length']
          ? PermuteBy<S, P>
          : ShapeMismatch<`transpose: ${P['length']} axes for rank ${S['length']}`>
      : [P] extends [undefined]
        ? Reverse<S>
        : Shape

/** A new axis of size D before axis A of the result. */
export type InsertAxis<S extends Shape, A extends number, D extends Dim> =
  Unranked<S> extends true
    ? Shape
    : Axis<readonly [0, ...S], A> extends infer I
      ? I extends number
        ? number extends I
          ? Shape
          : InsertAt<S, I, D>
        : I
      : never
type InsertAt<
  S extends Shape,
  I extends number,
  D extends Dim,
  Done extends Shape = readonly [],
> = Done['length'] extends I
  ? readonly [...Done, D, ...S]
  : S extends readonly [infer H extends Dim, ...infer Rest extends Shape]
    ? InsertAt<Rest, I, D, readonly [...Done, H]>
    : never

/** S without its axes of size 1 among A (all of them where undefined). */
export type Squeeze<S extends Shape, A extends Axes> =
  Unranked<S> extends true
    ? Shape
    : [A] extends [undefined]
      ? SqueezeAll<S>
      : Axis<S, Named<Exclude<A, undefined>>> extends infer Where
        ? [Where] extends [number]
          ? number extends Where
            ? Shape
            : [NotOne<S[Where]>] extends [never]
              ? Without<S, Where, false>
              : NotOne<S[Where]>
          : Extract<Where, ShapeMismatch<string>>
        : never
type NotOne<D extends Dim> = D extends Dim
  ? number extends D
    ? never
    : D extends 1
      ? never
      : D extends Var<string>
        ? never
        : ShapeMismatch<`squeeze: the axis has size ${Show<D>}, not 1`>
  : never
type SqueezeAll<S extends Shape, Done extends Shape = readonly []> = S extends readonly [
  infer D extends Dim,
  ...infer Rest extends Shape,
]
  ? D extends 1
    ? SqueezeAll<Rest, Done>
    : number extends D
      ? Shape
      : D extends Var<string>
        ? Shape
        : SqueezeAll<Rest, readonly [...Done, D]>
  : Done

/** S without its first dimension that is D; null where it has none. */
type Drop<S extends Shape, D extends Dim, Done extends Shape = readonly []> = S extends readonly [
  infer H extends Dim,
  ...infer Rest extends Shape,
]
  ? [H] extends [D]
    ? [D] extends [H]
      ? readonly [...Done, ...Rest]
      : Drop<Rest, D, readonly [...Done, H]>
    : Drop<Rest, D, readonly [...Done, H]>
  : null
/** [A, B] without the dimensions they share: what remains must have equal products. */
type Cancel<A extends Shape, B extends Shape, Left extends Shape = readonly []> = A extends readonly [
  infer D extends Dim,
  ...infer Rest extends Shape,
]
  ? // one `number` need not be another: only literal and named dimensions are known to be the same
    number extends D
    ? Cancel<Rest, B, readonly [...Left, D]>
    : Drop<B, D> extends infer Fewer
      ? Fewer extends Shape
        ? Cancel<Rest, Fewer, Left>
        : Cancel<Rest, B, readonly [...Left, D]>
      : never
  : readonly [Left, B]
type AllLiteral<S extends Shape> = S extends readonly [infer D extends Dim, ...infer Rest extends Shape]
  ? number extends D
    ? false
    : D extends Var<string>
      ? false
      : D extends -1
        ? false
        : AllLiteral<Rest>
  : true
/** Whether the product of a shape is worked out: every size is a literal, and the product small. */
export type Decided<S extends Shape> = Unranked<S> extends true ? false : AllLiteral<S> extends true ? Cheap<S> : false

/** T with its -1 dynamic, where the element counts agree or are not known. */
export type Reshape<S extends Shape, T extends Shape> =
  Unranked<S> extends true
    ? Inferred<T>
    : Unranked<T> extends true
      ? Shape
      : Cancel<S, T> extends readonly [infer A extends Shape, infer B extends Shape]
        ? Decided<A> extends true
          ? Decided<B> extends true
            ? Product<A> extends Product<B>
              ? Inferred<T>
              : ShapeMismatch<`reshape: the element counts differ (${Product<A>} against ${Product<B>}, shared dimensions left out)`>
            : Inferred<T>
          : Inferred<T>
        : Inferred<T>
type Inferred<T extends Shape> =
  Unranked<T> extends true ? Shape : { readonly [I in keyof T]: T[I] extends -1 ? number : T[I] }
