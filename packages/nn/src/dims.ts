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

type Last<S extends Shape> = S extends readonly [...unknown[], infer K extends Dim] ? K : never

type Agree<K extends Dim, N extends Dim> = number extends K
  ? true
  : number extends N
    ? true
    : [K, N] extends [N, K]
      ? true
      : false

type Shown<D extends Dim> = D extends Var<infer Name> ? Name : `${D}`

type Fit<S extends Shape, N extends Dim> = S extends readonly [...unknown[], infer K extends Dim]
  ? Agree<K, N> extends true
    ? 'fits'
    : 'differs'
  : number extends S['length']
    ? 'fits'
    : 'scalar'

interface Verdicts<Op extends string, S extends Shape, N extends Dim> {
  readonly fits: unknown
  readonly differs: ShapeMismatch<`${Op}: the last dimension of x is ${Shown<Last<S>>}, and must be ${Shown<N>}`>
  readonly scalar: ShapeMismatch<`${Op}: x is a scalar, and its last dimension must be ${Shown<N>}`>
}

/**
 * Intersected with a parameter of shape S: vanishes where its last dimension is N, or where one of the two is known at run time only,
 * and rejects the argument where they differ.
 */
// An element of a record, and no conditional type: of a shape that is still a type parameter, as in a composition of layers, the
// compiler judges an element by the bound of its key, and leaves a condition open, which no argument meets.
export type HasLast<Op extends string, S extends Shape, N extends Dim> = Verdicts<Op, S, N>[Fit<S, N>]
