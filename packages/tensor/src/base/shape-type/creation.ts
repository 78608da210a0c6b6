/** What the data of a new tensor says of its shape. */
import type { Shape } from '../shape.ts'
import type { ShapeMismatch } from './dims.ts'
import type { Product } from './literal.ts'
import type { Decided } from './movement.ts'

/** What a shape is for that many elements: itself, and a mismatch where both are known and differ. */
export type Filled<T, S extends Shape> = T extends readonly unknown[]
  ? number extends T['length']
    ? S
    : Decided<S> extends true
      ? Product<S> extends T['length']
        ? S
        : ShapeMismatch<`tensor: ${T['length']} elements for a shape of ${Product<S>}`>
      : S
  : S
