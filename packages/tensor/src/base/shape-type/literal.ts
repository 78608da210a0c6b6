/** Arithmetic on small literals: tuples as unary numbers, built digit by digit. */
import type { Dim, Shape, Var } from '../shape.ts'
import type { IsDynamic } from './dims.ts'

type Digits<S extends Shape, Text extends string = ''> = S extends readonly [
  infer D extends Dim,
  ...infer Rest extends Shape,
]
  ? Digits<Rest, `${Text}${D}`>
  : Text
/** At most four digits in all: the product stays below TypeScript's ten thousand elements of a tuple. */
export type Cheap<S extends Shape> =
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
export type Product<S extends Shape, Done extends Unary = readonly [0]> = S extends readonly [
  infer D extends Dim,
  ...infer Rest extends Shape,
]
  ? Product<Rest, Repeat<Done, `${D}`>>
  : Done['length']

/** a + b for literals below 1000, else dynamic. */
export type Add<A extends Dim, B extends Dim> =
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

/** As many elements as a literal N says, up to 16; an array where N is dynamic or larger. */
export type TupleOf<N extends number, T, Done extends readonly T[] = readonly []> = number extends N
  ? readonly T[]
  : Done['length'] extends N
    ? Done
    : Done['length'] extends 16
      ? readonly T[]
      : TupleOf<N, T, readonly [...Done, T]>
