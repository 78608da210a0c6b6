/** Printing values on their way. */
import type { DType } from '../base/dtype.ts'
import type { Shape } from '../base/shape.ts'
import { print } from '../control/print.ts'
import { type Tensor, typed } from '../graph/tensor.ts'
import { demandTensor } from './align.ts'

/**
 * `x` itself, which is printed with its label, dtype and shape as often as it is computed, on every device: what stands in a compiled
 * program is handed out by it, and printed after its run, before a `read` or `realize` on that device returns. Values come after those
 * that they are computed from; runs in their order. A value that no result needs is not computed, and not printed; nor is one without
 * elements below a result that is known without it.
 *
 * Under `grad` and `jvp` the primal is printed once, under `checkpoint` again where it is computed again; under `vmap` all members at
 * once. `scan` and `foriLoop` print each round, of which a compiled program keeps the values until its end; `cond` the branch that
 * is chosen (both under `vmap`, where members differ in what they choose). A `whileLoop` has rounds of which nobody knows how many:
 * compiling one that prints throws an Error; the reference device and `debugNans` print them.
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
