/** What layers say of dimensions at compile time: literal and named ones are checked and carried, others at run time. */
import type { Dim, Shape, ShapeMismatch, Tensor, Var } from '@adjoint/tensor'

/**
 * Rows of a matrix [in, out] that the compiler knows, literal or named; `number` of what stands for a matrix, as adapters and
 * codes do.
 */
export type FanIn<W> = [W] extends [Tensor<readonly [infer In extends Dim, Dim]>] ? Single<In> : Dim

/** Columns of a matrix [in, out], as `FanIn` has its rows. */
export type FanOut<W> = [W] extends [Tensor<readonly [Dim, infer Out extends Dim]>] ? Single<Out> : Dim

/** One dimension; of one of several, as an item of a list of layers has it, nothing is known. */
type Single<D extends Dim, Each extends Dim = D> = D extends unknown ? ([Each] extends [D] ? D : Dim) : never

/** The shape S with N as its last dimension, in place of the one that it has. */
export type WithLast<S extends Shape, N extends Dim> = S extends readonly [...infer Lead extends Shape, Dim]
  ? readonly [...Lead, N]
  : number extends S['length']
    ? After<S, N>
    : never

/** The shape S with one more dimension, N, as its last. */
// Of each S by itself, as the others here, so that the compiler knows what it is of any shape at all.
export type After<S extends Shape, N extends Dim> = S extends Shape
  ? number extends S['length']
    ? number extends N
      ? Shape
      : readonly [...Shape, N]
    : readonly [...S, N]
  : never

/** The shape of what a layer makes, as far as its type says it of any data. */
type Made<F> = [F] extends [(x: never) => Tensor<infer S extends Shape>] ? S : Shape

/** The shape S without its last dimension but one: of data [..., steps, features] what is one step of it. */
export type AtStep<S extends Shape> = S extends readonly [...infer Lead extends Shape, Dim, infer K extends Dim]
  ? readonly [...Lead, K]
  : Shape

/** An image [batch, channels, ..spatial] of shape S with C channels; its spatial sizes stay where Same is true, and are computed else. */
export type WithChannels<S extends Shape, C extends Dim, Same extends boolean> = S extends readonly [
  infer N extends Dim,
  Dim,
  ...infer Rest extends Shape,
]
  ? readonly [N, C, ...(Same extends true ? Rest : { readonly [I in keyof Rest]: Dim })]
  : readonly [Dim, C, ...Shape]

type Last<S extends Shape> = S extends readonly [...unknown[], infer K extends Dim] ? K : never

/** The last dimension of S; `number` where it is not known. */
type LastOf<S extends Shape> = S extends readonly [...unknown[], infer K extends Dim] ? Single<K> : Dim

/** Dimension `axis` of S, counted from the first; `number` where it is not known. */
export type Axis<S extends Shape, Nth extends 0 | 1> = S extends readonly [
  infer First extends Dim,
  infer Second extends Dim,
  ...unknown[],
]
  ? Single<[First, Second][Nth]>
  : Dim

type Agree<K extends Dim, N extends Dim> = number extends K
  ? true
  : number extends N
    ? true
    : [K, N] extends [N, K]
      ? true
      : false

/** A dimension as messages have it. */
export type Shown<D extends Dim> = D extends Var<infer Name> ? Name : `${D}`

type Fit<S extends Shape, N extends Dim> = S extends readonly [...unknown[], infer K extends Dim]
  ? Agree<K, N> extends true
    ? 'fits'
    : 'differs'
  : number extends S['length']
    ? 'fits'
    : 'scalar'

interface Verdicts<Op extends string, S extends Shape, N extends Dim, What extends string> {
  readonly fits: unknown
  readonly differs: ShapeMismatch<`${Op}: the last dimension of ${What} is ${Shown<Last<S>>}, and must be ${Shown<N>}`>
  readonly scalar: ShapeMismatch<`${Op}: ${What} is a scalar, and its last dimension must be ${Shown<N>}`>
}

/**
 * Intersected with a parameter of shape S: vanishes where its last dimension is N, or where one of the two is known at run time only,
 * and rejects the argument where they differ.
 */
// An element of a record, and no conditional type: of a shape that is still a type parameter, as in a composition of layers, the
// compiler judges an element by the bound of its key, and leaves a condition open, which no argument meets.
export type HasLast<Op extends string, S extends Shape, N extends Dim, What extends string = 'x'> = Verdicts<
  Op,
  S,
  N,
  What
>[Fit<S, N>]

// Of a layer that is a type of its own the compiler says whether it takes data of a shape, and not why it refuses them.
type Keep<F, S extends Shape> = S extends Shape
  ? Fit<S, LastOf<Made<F>>> extends infer Fitting extends 'fits' | 'differs' | 'scalar'
    ? Fitting extends 'fits'
      ? Agree<Axis<S, 1>, Axis<Made<F>, 1>> extends true
        ? [F] extends [(x: Tensor<S, 'f32'>) => unknown]
          ? 'fits'
          : 'refused'
        : 'channels'
      : Fitting
    : never
  : never

interface KeepVerdicts<Op extends string, F, S extends Shape> {
  readonly fits: unknown
  readonly differs: ShapeMismatch<`${Op}: the last dimension of x is ${Shown<Last<S>>}, and that of what its layer makes ${Shown<LastOf<Made<F>>>}`>
  readonly scalar: ShapeMismatch<`${Op}: x is a scalar, and the last dimension of what its layer makes is ${Shown<LastOf<Made<F>>>}`>
  readonly channels: ShapeMismatch<`${Op}: axis 1 of x is ${Shown<Axis<S, 1>>}, and that of what its layer makes ${Shown<Axis<Made<F>, 1>>}`>
  readonly refused: ShapeMismatch<`${Op}: its layer takes no x whose last dimension is ${Shown<Last<S>>}`>
}

/** As `HasLast`, of a layer F that is to return the shape S that it takes: rejects data that it does not take, or makes another width of. */
export type Keeps<Op extends string, F, S extends Shape> = KeepVerdicts<Op, F, S>[Keep<F, S>]

interface TakeVerdicts<Op extends string, S extends Shape> {
  readonly fits: unknown
  readonly refused: ShapeMismatch<`${Op}: one of its layers takes no x whose last dimension is ${Shown<Last<S>>}`>
}

/** As `HasLast`, of layers F that are types of their own: rejects data that one of them does not take. */
export type Takes<Op extends string, F, S extends Shape> = TakeVerdicts<Op, S>[S extends Shape
  ? [F] extends [(x: Tensor<S, 'f32'>) => unknown]
    ? 'fits'
    : 'refused'
  : never]

/** Whether two dimensions are the same, as far as is known: the key of a record of verdicts. */
export type Meet<K extends Dim, N extends Dim> = Agree<K, N> extends true ? 'fits' : 'differs'

type FitImage<S extends Shape, N extends Dim, Rank extends number> =
  Agree<Axis<S, 1>, N> extends true ? (Agree<S['length'], Rank> extends true ? 'fits' : 'rank') : 'differs'

interface ImageVerdicts<Op extends string, S extends Shape, N extends Dim, Rank extends number> {
  readonly fits: unknown
  readonly differs: ShapeMismatch<`${Op}: x has ${Shown<Axis<S, 1>>} channels (axis 1), and must have ${Shown<N>}`>
  readonly rank: ShapeMismatch<`${Op}: x has ${S['length']} axes, and its kernel ${Rank}`>
}

/** As `HasLast`, of an image [batch, channels, ..spatial] of shape S: of N channels, and of as many axes as the kernel. */
export type HasChannels<Op extends string, S extends Shape, N extends Dim, Rank extends number> = ImageVerdicts<
  Op,
  S,
  N,
  Rank
>[S extends Shape ? FitImage<S, N, Rank> : never]
