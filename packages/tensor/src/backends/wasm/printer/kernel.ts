/** Kernels of the loop IR as WebAssembly functions, to be run one after another. */
import { verifyKernel } from '#verify-kernel'
import type { DotKernel, Kernel } from '../../../loops/kernel.ts'
import { pieces } from '../../../loops/pieces.ts'
import { printDot } from './dot.ts'
import type { DotChoice } from './dot-choice.ts'
import { type Printed, printLoop } from './loop.ts'

export { dotChoices } from './dot.ts'
export type { DotChoice } from './dot-choice.ts'
export type { Printed } from './loop.ts'

/** `choose`: how a product is cut, null as it is shipped. Throws where the kernel breaks the rules of the loop IR. */
export const printKernel = (
  kernel: Kernel,
  choose: (dot: DotKernel) => DotChoice | null = () => null,
): readonly Printed[] => {
  verifyKernel(kernel)
  switch (kernel.kind) {
    case 'loop':
      return pieces(kernel).map(printLoop)
    case 'dot':
      return [printDot(kernel, choose(kernel))]
    case 'template':
      throw new Error(`kernel ${kernel.name}: wasm offers no templates; capabilities say which a device offers`)
  }
}
