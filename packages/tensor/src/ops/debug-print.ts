/** Printing values on their way. */
import type { DType } from '../base/dtype.ts'
import type { Shape } from '../base/shape.ts'
import { print } from '../control/print.ts'
import { type Tensor, typed } from '../graph/tensor.ts'
import { demandTensor } from './align.ts'

/**
 * `x` itself, which is printed with its label, dtype and shape whenever it is computed by interpretation: on the reference device, and
 * in a function that runs under `debugNans`, whatever the device. It passes through `grad`, `vmap` (all members at once), `jit` and
 * `scan` (each round), and is printed as often as its value is computed. Compiled programs run without the host: on the other devices
 * it is the identity, costs nothing and prints nothing.
 *
 * @param label - What the value is printed with.
 * @returns The identity of tensors.
 *
 * @example
 * ```ts
 * import { debugNans, debugPrint, jit, mul, tensor, type Tensor } from '@adjoint/tensor'
 * const f = jit((x: Tensor<readonly [number], 'f32'>) => mul(debugPrint('half')(mul(x, 0.5)), 3))
 * await debugNans(f)(tensor([1, 2])) // half f32[2]: [ 0.5, 1 ]
 * ```
 */
export const debugPrint =
  (label: string) =>
  <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => {
    demandTensor('debugPrint', x)
    return typed(print(x, label))
  }
