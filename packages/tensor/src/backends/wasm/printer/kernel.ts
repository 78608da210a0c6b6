/** Kernels of the loop IR as WebAssembly functions, to be run one after another. */
import type { Kernel } from '../../../loops/kernel.ts'
import { pieces } from '../../../loops/pieces.ts'
import { verifyKernel } from '../../../loops/verify.ts'
import { printDot } from './dot.ts'
import { type Printed, printLoop } from './loop.ts'

export type { Printed } from './loop.ts'

/** Throws where the kernel breaks the rules of the loop IR. */
export const printKernel = (kernel: Kernel): readonly Printed[] => {
  verifyKernel(kernel)
  switch (kernel.kind) {
    case 'loop':
      return pieces(kernel).map(printLoop)
    case 'dot':
      return [printDot(kernel)]
    case 'template':
      throw new Error(`kernel ${kernel.name}: wasm offers no templates; capabilities say which a device offers`)
  }
}
