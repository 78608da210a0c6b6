/** Kernels of the loop IR as C functions, to be run one after another. */
import { verifyKernel } from '#verify-kernel'
import type { DotKernel, Kernel } from '../../../loops/kernel.ts'
import { pieces } from '../../../loops/pieces.ts'
import { printDot } from './dot.ts'
import type { DotChoice } from './dot-choice.ts'
import type { Printed } from './function.ts'
import { printLoop } from './loop.ts'

export { type Printed, sourceOf } from './function.ts'

export type { DotChoice } from './dot-choice.ts'
export { dotChoices } from './dot-shape.ts'

/** `width`: lanes of a vector; `choose`: how a product is cut, null as it is shipped. Throws where the kernel breaks the rules of the loop IR. */
export const printKernel = (
  kernel: Kernel,
  width: number,
  choose: (dot: DotKernel) => DotChoice | null = () => null,
): readonly Printed[] => {
  verifyKernel(kernel)
  switch (kernel.kind) {
    case 'loop':
      return pieces(kernel).map((piece) => printLoop(piece, width))
    case 'dot':
      return [printDot(kernel, width, choose(kernel))]
    case 'template':
      throw new Error(`kernel ${kernel.name}: native offers no templates; capabilities say which a device offers`)
  }
}
