/** Prints a dot as a sum over k for each vector of columns. */
import { blocksOf } from '../../../loops/blocks.ts'
import * as I from '../../../loops/ix.ts'
import type { DotKernel, LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import type { Printed } from './function.ts'
import { printLoop } from './loop.ts'

/** The product as a loop kernel, whose rows are the elements of the result and whose columns are the steps of k. */
export const printDot = (kernel: DotKernel, width: number): Printed => {
  const { batch, m, n, k, a, b } = kernel
  void blocksOf
  void I
  const loop: LoopKernel = {
    kind: 'loop',
    name: kernel.name,
    buffers: kernel.buffers,
    rows: [...batch, m, n],
    cols: [k],
    reductions: [{ op: 'sum', dtype: 'f32', value: S.binary('mul', a, b), running: false }],
    stores: kernel.stores.map((s) => ({ ...s, scope: 'row' })),
  }
  return printLoop(loop, width)
}
