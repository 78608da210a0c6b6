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

/** How products are printed. */
export interface Products {
  /** How one is cut, the same whenever it is asked; null as it is shipped. */
  readonly choose: (dot: DotKernel) => DotChoice | null
  /** Whether they multiply and add at once, by Relaxed SIMD. */
  readonly fused: boolean
}
export const shippedProducts: Products = { choose: () => null, fused: false }

/** Throws where the kernel breaks the rules of the loop IR. */
export const printKernel = (kernel: Kernel, { choose, fused }: Products = shippedProducts): readonly Printed[] => {
  verifyKernel(kernel)
  switch (kernel.kind) {
    case 'loop':
      return pieces(kernel).map(printLoop)
    case 'dot':
      return [printDot(kernel, choose(kernel), fused)]
    case 'template':
      throw new Error(`kernel ${kernel.name}: wasm offers no templates; capabilities say which a device offers`)
  }
}
