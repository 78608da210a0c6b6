/** Kernels of the loop IR as WebAssembly functions. */
import type { Kernel } from '../kernel.ts'
import { printDot } from './dot.ts'
import { type Printed, printLoop } from './loop.ts'

export type { Printed } from './loop.ts'

export const printKernel = (kernel: Kernel): Printed => (kernel.kind === 'loop' ? printLoop(kernel) : printDot(kernel))
