/** For what the compiler is tested on: that a tensor has exactly the type that is named. */
import type { Shape, Tensor } from '@adjoint/tensor'

type Identical<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only where `x` is f32 and has exactly the shape named: `has<[2, 3]>()(x, true)`. */
export const has =
  <S extends Shape>() =>
  <X>(_x: X, _same: Identical<X, Tensor<S, 'f32'>>): void =>
    undefined
