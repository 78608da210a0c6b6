/** One dimension against another at compile time, and the type whose text is the message of a wrong shape. */
import type { DType } from '../dtype.ts'
import type { Dim, Shape, Var } from '../shape.ts'

/** The type of a wrong shape: no value has it, and its text is what the compiler prints. */
export interface ShapeMismatch<Message extends string> {
  readonly shapeError: Message
}
/**
 * Intersected with a parameter: vanishes where the shapes fit, and rejects the argument where not. In a function of any shape, where
 * the compiler cannot tell yet, it lets the argument pass: as a list of one, so that it is one question, and not one for each member.
 */
export type Check<R> = [R] extends [ShapeMismatch<string>] ? R : unknown
/** The shape computed, once it is known to be one. */
export type Ok<R> = R extends Shape ? R : never

export type IsDynamic<D extends Dim> = [number] extends [D] ? true : false
/** Whether the rank itself is unknown. */
export type Unranked<S extends Shape> = [number] extends [S['length']] ? true : false
export type Same<A extends Dim, B extends Dim> =
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
export type Known<A extends Dim, B extends Dim> = IsDynamic<A> extends true ? B : A
export type Show<D extends Dim> = D extends Var<infer L> ? L : `${D}`

/** One element type for both operands, or the message that tells to cast. */
export type SameDType<D extends DType, E extends DType> = [D] extends [E]
  ? unknown
  : [E] extends [D]
    ? unknown
    : ShapeMismatch<`dtypes ${D} and ${E} differ: cast one operand`>
/** Of two agreeing element types the one that says more. */
export type CommonDType<D extends DType, E extends DType> = [D] extends [E] ? D : E
