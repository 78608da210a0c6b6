/** Axes at compile time: literal ones, counted from the end where negative, and what reductions leave of them. */
import type { Dim, Shape } from '../shape.ts'
import type { ShapeMismatch, Unranked } from './dims.ts'

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
export type Axis<S extends readonly unknown[], A extends number> = A extends number
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
export type Named<A extends number | readonly number[]> = A extends readonly number[] ? A[number] : A

/** Each axis among `Where` becomes 1 or goes; the others stay. */
export type Without<
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
