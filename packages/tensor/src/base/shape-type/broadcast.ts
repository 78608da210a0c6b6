/** Broadcasting and matrix products at compile time. */
import type { Dim, Shape } from '../shape.ts'
import type { Known, Same, ShapeMismatch, Show, Unranked } from './dims.ts'

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
export type Equal<A extends Shape, B extends Shape> =
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
