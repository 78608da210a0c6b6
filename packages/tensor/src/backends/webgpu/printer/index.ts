/** The loop IR as WGSL: one shader a kernel. */
import { verifyKernel } from '#verify-kernel'
import type { DotKernel, Kernel } from '../../../loops/kernel.ts'
import { type DotChoice, printDot } from './dot.ts'
import { printLoop } from './loop.ts'
import type { Shader } from './shader.ts'
import { printTemplate } from './template.ts'
import type { Tuning } from './tuning.ts'

export { type DotChoice, dotChoices, printDot } from './dot.ts'
export { type MatrixConfig, matricesOf } from './fragments.ts'
export {
  dotTiles,
  hardwareTuning,
  shuffledTuning,
  softwareTuning,
  type DotTile,
  type Matrices,
  type Tuning,
} from './tuning.ts'
export { templateNames } from './template.ts'
export { gated, type Shader } from './shader.ts'

/**
 * Bindings are numbered as `kernel.buffers`, in group 0: read-only where a buffer is only read, else read-write. Throws
 * where the kernel breaks the rules of the loop IR. `choose`: the cut of a product, null as the tuning has it.
 */
export const printKernel = (
  kernel: Kernel,
  tuning: Tuning,
  choose: (dot: DotKernel) => DotChoice | null = () => null,
): Shader => {
  verifyKernel(kernel)
  switch (kernel.kind) {
    case 'loop':
      return printLoop(kernel, tuning)
    case 'dot':
      return printDot(kernel, tuning, choose(kernel))
    case 'template':
      return printTemplate(kernel, tuning)
  }
}
