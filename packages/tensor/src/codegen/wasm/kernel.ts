/** Kernels of the loop IR as WebAssembly functions. */
import type { DotKernel, Kernel, LoopKernel } from '../kernel.ts'
import { binary } from '../scalar.ts'
import { type Printed, printLoop } from './loop.ts'

export type { Printed } from './loop.ts'

/** The dot as rows of one reduction each: what it means, without blocking. */
const asLoop = ({ buffers, name, batch, m, n, k, a, b, stores }: DotKernel): LoopKernel => ({
  kind: 'loop',
  name,
  buffers,
  rows: [...batch, m, n],
  cols: [k],
  reductions: [{ op: 'sum', dtype: 'f32', value: binary('mul', a, b), scan: false }],
  stores: stores.map((s) => ({ ...s, scope: 'row' as const })),
})

export const printKernel = (kernel: Kernel): Printed => printLoop(kernel.kind === 'loop' ? kernel : asLoop(kernel))
