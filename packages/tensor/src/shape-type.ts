/**
 * Shapes at compile time: the twin of shape.ts as types. Literal and named dimensions are checked; a dynamic one
 * (`number`), a dynamic axis or an unknown rank defers to the run-time rule. A wrong shape is a type whose text is the
 * message. Recursion is one step per axis, so that checking stays linear in the rank.
 */
import type { DType } from './dtype.ts'
import type { Dim, Shape, Var } from './shape.ts'

/** The type of a wrong shape: no value has it, and its text is what the compiler prints. */
export interface ShapeMismatch<Message extends string> {
  readonly shapeError: Message
}
/** Intersected with a parameter: vanishes where the shapes fit, and rejects the argument where not. */
export type Check<R> = R extends ShapeMismatch<string> ? R : unknown
/** The shape computed, once it is known to be one. */
export type Ok<R> = R extends Shape ? R : never

type IsDynamic<D extends Dim> = number extends D ? true : false
/** Whether the rank itself is unknown. */
type Unranked<S extends Shape> = number extends S['length'] ? true : false
type Same<A extends Dim, B extends Dim> =
  IsDynamic<A> extends true
    ? true
    : IsDynamic<B> extends true
      ? true
      : [A] extends [B]
        ? [B] extends [A]
          ? true
          : false
        : false
/** Of two agreeing dimensions the one that says more. */
type Known<A extends Dim, B extends Dim> = IsDynamic<A> extends true ? B : A
type Show<D extends Dim> = D extends Var<infer L> ? L : `${D}`

/** One element type for both operands, or the message that tells to cast. */
export type SameDType<D extends DType, E extends DType> = [D] extends [E]
  ? unknown
  : [E] extends [D]
    ? unknown
    : ShapeMismatch<`dtypes ${D} and ${E} differ: cast one operand`>
/** Of two agreeing element types the one that says more. */
export type CommonDType<D extends DType, E extends DType> = [D] extends [E] ? D : E

// ---- broadcasting and products -------------------------------------------------------------------------------------

type BroadcastDim<A extends Dim, B extends Dim> = A extends 1
  ? B
  : B extends 1
    ? A
    : Same<A, B> extends true
      ? Known<A, B>
      : ShapeMismatch<`broadcast: ${Show<A>} and ${Show<B>} differ`>

/** NumPy broadcasting, right-aligned. */
export type Broadcast<A extends Shape, B extends Shape, Tail extends Shape = readonly []> =
  Unranked<A> extends true
    ? Shape
    : Unranked<B> extends true
      ? Shape
      : A extends readonly [...infer AI extends Shape, infer AL extends Dim]
        ? B extends readonly [...infer BI extends Shape, infer BL extends Dim]
          ? BroadcastDim<AL, BL> extends infer D
            ? D extends Dim
              ? Broadcast<AI, BI, readonly [D, ...Tail]>
              : D
            : never
          : readonly [...A, ...Tail]
        : readonly [...B, ...Tail]

/** Whether S broadcasts to T, and to nothing larger. */
export type BroadcastsTo<S extends Shape, T extends Shape> =
  Broadcast<S, T> extends infer R
    ? R extends Shape
      ? Unranked<R> extends true
        ? T
        : Equal<R, T> extends true
          ? T
          : ShapeMismatch<`broadcastTo: the operand does not fit into the target`>
      : R
    : never

/** Agreement axis by axis. */
type Equal<A extends Shape, B extends Shape> =
  Unranked<A> extends true
    ? true
    : Unranked<B> extends true
      ? true
      : A extends readonly [infer P extends Dim, ...infer AR extends Shape]
        ? B extends readonly [infer Q extends Dim, ...infer BR extends Shape]
          ? Same<P, Q> extends true
            ? Equal<AR, BR>
            : false
          : false
        : B extends readonly []
          ? true
          : false

type Inner<K extends Dim, K2 extends Dim, R> =
  Same<K, K2> extends true ? R : ShapeMismatch<`matmul: inner dimensions ${Show<K>} and ${Show<K2>} differ`>

/** [...b, m, k] x [...b, k, n] -> [...b, m, n]; a vector operand stands for a row (left) or a column (right). */
export type MatMul<A extends Shape, B extends Shape> =
  Unranked<A> extends true
    ? Shape
    : Unranked<B> extends true
      ? Shape
      : A extends readonly []
        ? ShapeMismatch<'matmul: the left operand is a scalar; use mul'>
        : B extends readonly []
          ? ShapeMismatch<'matmul: the right operand is a scalar; use mul'>
          : A extends readonly [infer K extends Dim]
            ? B extends readonly [infer K2 extends Dim]
              ? Inner<K, K2, readonly []>
              : B extends readonly [...infer BB extends Shape, infer K2 extends Dim, infer N extends Dim]
                ? Inner<K, K2, readonly [...BB, N]>
                : never
            : A extends readonly [...infer AB extends Shape, infer M extends Dim, infer K extends Dim]
              ? B extends readonly [infer K2 extends Dim]
                ? Inner<K, K2, readonly [...AB, M]>
                : B extends readonly [...infer BB extends Shape, infer K2 extends Dim, infer N extends Dim]
                  ? Broadcast<AB, BB> extends infer Batch
                    ? Batch extends Shape
                      ? Inner<K, K2, readonly [...Batch, M, N]>
                      : Batch
                    : never
                  : never
              : never

// ---- axes ----------------------------------------------------------------------------------------------------------

/** How an operation names axes: one, several, or all (undefined). */
export type Axes = number | readonly number[] | undefined

/** The rank that is left when N axes are dropped from the end: the index that -N means. */
type FromEnd<
  S extends readonly unknown[],
  N extends number,
  Count extends readonly 0[] = readonly [],
> = Count['length'] extends N
  ? S['length']
  : S extends readonly [...infer Init, unknown]
    ? FromEnd<Init, N, readonly [...Count, 0]>
    : never

/** The axes that A names (a union for several), as non-negative numbers; `number` where dynamic. */
type Axis<S extends readonly unknown[], A extends number> = A extends number
  ? number extends A
    ? number
    : `${A}` extends `-${infer N extends number}`
      ? [FromEnd<S, N>] extends [never]
        ? ShapeMismatch<`axis ${A} is out of range for rank ${S['length']}`>
        : FromEnd<S, N>
      : `${A}` extends keyof S
        ? A
        : ShapeMismatch<`axis ${A} is out of range for rank ${S['length']}`>
  : never

/** The names of A as a union of numbers. */
type Named<A extends number | readonly number[]> = A extends readonly number[] ? A[number] : A

/** Each axis among `Where` becomes 1 or goes; the others stay. */
type Without<
  S extends Shape,
  Where extends number,
  Keep extends boolean,
  Done extends Shape = readonly [],
  Count extends readonly 0[] = readonly [],
> = S extends readonly [infer D extends Dim, ...infer Rest extends Shape]
  ? Count['length'] extends Where
    ? Without<Rest, Where, Keep, Keep extends true ? readonly [...Done, 1] : Done, readonly [...Count, 0]>
    : Without<Rest, Where, Keep, readonly [...Done, D], readonly [...Count, 0]>
  : Done

/** The shape of a reduction over `A`. */
export type Reduce<S extends Shape, A extends Axes, Keep extends boolean = false> = boolean extends Keep
  ? Shape
  : [A] extends [undefined]
    ? Keep extends true
      ? { readonly [I in keyof S]: 1 }
      : readonly []
    : Unranked<S> extends true
      ? Shape
      : Axis<S, Named<Exclude<A, undefined>>> extends infer Where
        ? [Extract<Where, ShapeMismatch<string>>] extends [never]
          ? [Where] extends [number]
            ? number extends Where
              ? Shape
              : Without<S, Where, Keep>
            : never
          : Extract<Where, ShapeMismatch<string>>
        : never

/** S itself where every axis of A exists. */
export type HasAxis<S extends Shape, A extends number> =
  Unranked<S> extends true
    ? S
    : Axis<S, A> extends infer Where
      ? [Extract<Where, ShapeMismatch<string>>] extends [never]
        ? S
        : Extract<Where, ShapeMismatch<string>>
      : never

/** The size of axis A. */
export type At<S extends Shape, A extends number> =
  Unranked<S> extends true
    ? number
    : Axis<S, A> extends infer I
      ? I extends number
        ? number extends I
          ? number
          : S[I]
        : number
      : never

/** S with the size of axis A replaced by D. */
export type WithAxis<S extends Shape, A extends number, D extends Dim> =
  Unranked<S> extends true
    ? Shape
    : Axis<S, A> extends infer I
      ? I extends number
        ? number extends I
          ? { readonly [K in keyof S]: number }
          : { readonly [K in keyof S]: K extends `${I}` ? D : S[K] }
        : I
      : never

// ---- movement ------------------------------------------------------------------------------------------------------

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

// ---- arithmetic on small literals: tuples as unary numbers ---------------------------------------------------------

type Digits<S extends Shape, Text extends string = ''> = S extends readonly [
  infer D extends Dim,
  ...infer Rest extends Shape,
]
  ? Digits<Rest, `${Text}${D}`>
  : Text
/** At most four digits in all: the product stays below TypeScript's ten thousand elements of a tuple. */
type Cheap<S extends Shape> =
  Digits<S> extends `${infer _A}${infer _B}${infer _C}${infer _D}${infer Rest}`
    ? Rest extends ''
      ? true
      : false
    : true

type Unary = readonly 0[]
type TenTimes<T extends Unary> = readonly [...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T]
/** T repeated as often as the decimal text says, digit by digit. */
type Repeat<
  T extends Unary,
  Text extends string,
  Done extends Unary = readonly [],
> = Text extends `${infer Digit}${infer Rest}`
  ? Repeat<T, Rest, readonly [...TenTimes<Done>, ...Times<T, Digit>]>
  : Done
interface DigitTimes<T extends Unary> {
  '0': readonly []
  '1': T
  '2': readonly [...T, ...T]
  '3': readonly [...T, ...T, ...T]
  '4': readonly [...T, ...T, ...T, ...T]
  '5': readonly [...T, ...T, ...T, ...T, ...T]
  '6': readonly [...T, ...T, ...T, ...T, ...T, ...T]
  '7': readonly [...T, ...T, ...T, ...T, ...T, ...T, ...T]
  '8': readonly [...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T]
  '9': readonly [...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T]
}
type Times<T extends Unary, Digit extends string> = Digit extends keyof DigitTimes<T>
  ? DigitTimes<T>[Digit]
  : readonly []
type Product<S extends Shape, Done extends Unary = readonly [0]> = S extends readonly [
  infer D extends Dim,
  ...infer Rest extends Shape,
]
  ? Product<Rest, Repeat<Done, `${D}`>>
  : Done['length']

/** a + b for literals below 1000, else dynamic. */
type Add<A extends Dim, B extends Dim> =
  IsDynamic<A> extends true
    ? number
    : IsDynamic<B> extends true
      ? number
      : A extends Var<string>
        ? number
        : B extends Var<string>
          ? number
          : Small<A> extends true
            ? Small<B> extends true
              ? [...Repeat<readonly [0], `${A}`>, ...Repeat<readonly [0], `${B}`>]['length'] & number
              : number
            : number
type Small<D extends Dim> = `${D}` extends `${infer _A}${infer _B}${infer _C}${infer Rest}`
  ? Rest extends ''
    ? true
    : false
  : true

// ---- reshape -------------------------------------------------------------------------------------------------------

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
  ? Drop<B, D> extends infer Fewer
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
type Decided<S extends Shape> = Unranked<S> extends true ? false : AllLiteral<S> extends true ? Cheap<S> : false

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

// ---- joining -------------------------------------------------------------------------------------------------------

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

// ---- indexing ------------------------------------------------------------------------------------------------------

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
  : T extends readonly (infer E)[]
    ? NestedShape<E> extends infer R extends Shape
      ? readonly [number, ...R]
      : Shape
    : Shape
