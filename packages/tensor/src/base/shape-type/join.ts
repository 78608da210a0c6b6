/** Joined shapes at compile time. */
import type { Dim, Shape } from '../shape.ts'
import type { Axis } from './axes.ts'
import type { Equal } from './broadcast.ts'
import type { Known, Same, ShapeMismatch, Show, Unranked } from './dims.ts'
import type { Add } from './literal.ts'
import type { InsertAxis } from './movement.ts'

type Agree<A extends Dim, B extends Dim> =
  Same<A, B> extends true ? Known<A, B> : ShapeMismatch<`concat: ${Show<A>} and ${Show<B>} differ outside the axis`>
type Concat2<
  A extends Shape,
  B extends Shape,
  I extends number,
  Done extends Shape = readonly [],
> = A extends readonly [infer P extends Dim, ...infer AR extends Shape]
  ? B extends readonly [infer Q extends Dim, ...infer BR extends Shape]
    ? (Done['length'] extends I ? Add<P, Q> : Agree<P, Q>) extends infer D
      ? D extends Dim
        ? Concat2<AR, BR, I, readonly [...Done, D]>
        : D
      : never
    : ShapeMismatch<'concat: the ranks differ'>
  : B extends readonly []
    ? Done
    : ShapeMismatch<'concat: the ranks differ'>
type ConcatAll<First, Rest extends readonly Shape[], I extends number> = First extends Shape
  ? Rest extends readonly [infer Next extends Shape, ...infer More extends readonly Shape[]]
    ? Unranked<Next> extends true
      ? Shape
      : ConcatAll<Concat2<First, Next, I>, More, I>
    : First
  : First

/** Shapes joined along an existing axis: its sizes add, the others agree. */
export type Concat<Shapes extends readonly Shape[], A extends number> = Shapes extends readonly [
  infer First extends Shape,
  ...infer Rest extends readonly Shape[],
]
  ? Unranked<First> extends true
    ? Shape
    : Axis<First, A> extends infer I
      ? I extends number
        ? number extends I
          ? Shape
          : ConcatAll<First, Rest, I>
        : I
      : never
  : Shape

/** Equal shapes joined along a new axis. */
export type Stack<Shapes extends readonly Shape[], A extends number> = Shapes extends readonly [
  infer First extends Shape,
  ...infer Rest extends readonly Shape[],
]
  ? AllEqual<First, Rest> extends true
    ? InsertAxis<First, A, Shapes['length']>
    : ShapeMismatch<'stack: the shapes differ'>
  : Shape
type AllEqual<First extends Shape, Rest extends readonly Shape[]> = Rest extends readonly [
  infer Next extends Shape,
  ...infer More extends readonly Shape[],
]
  ? Equal<First, Next> extends true
    ? AllEqual<First, More>
    : false
  : true
