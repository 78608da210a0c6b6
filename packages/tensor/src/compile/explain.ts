/** What a program does: each kernel with its work, traffic and grid, and their sums. */
import { linearize } from '../loops/scalar.ts'
import type { Axis } from '../loops/ix.ts'
import type { Kernel } from '../loops/kernel.ts'
import { dtypes } from '../base/dtype.ts'
import type { Program } from './program.ts'

/** What a kernel costs, whatever the device. */
export interface KernelCost {
  readonly name: string
  readonly kind: Kernel['kind']
  /** Arithmetic operations on elements; a transcendental counts as one. */
  readonly flops: number
  /** Bytes loaded and stored when each buffer is touched once. */
  readonly bytes: number
  /** Independent pieces of work: rows, or elements of a dot. */
  readonly grid: number
}

const iterations = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.extent, 1)

/** Counts a kernel's floating point operations and the bytes it moves, from its loops. */
export const kernelCost = (kernel: Kernel): KernelCost => {
  const bytes = kernel.buffers.reduce(
    (n, b) => n + b.size * dtypes[b.dtype].bytes * (Number(b.read) + Number(b.write)),
    0,
  )
  const ops = (roots: readonly Parameters<typeof linearize>[0][number][]): number =>
    linearize(roots).filter((s) => s.kind === 'unary' || s.kind === 'binary' || s.kind === 'select').length
  const { name, kind } = kernel
  if (kernel.kind === 'dot') {
    const grid = iterations([...kernel.batch, kernel.m, kernel.n])
    return { name, kind, bytes, grid, flops: grid * (2 * kernel.k.extent + ops(kernel.stores.map((s) => s.value))) }
  }
  const rows = iterations(kernel.rows)
  const cols = iterations(kernel.cols)
  const inRow = kernel.reductions.reduce((n, r) => n + cols * (1 + ops([r.value])), 0)
  const atStores = kernel.stores.reduce((n, s) => n + (s.scope === 'full' ? cols : 1) * ops([s.value]), 0)
  return { name, kind, bytes, grid: rows, flops: rows * (inRow + atStores) }
}

const quantity = (n: number): string => {
  const units = ['', 'k', 'M', 'G', 'T']
  let i = 0
  for (; n >= 1000 && i < units.length - 1; i++) n /= 1000
  return `${n.toPrecision(3)}${units[i]!}`
}

/**
 * A table of a program's kernels: work (FLOP), traffic (bytes), grid, and what is fused; then the sums, and the memory
 * of its intermediates: the arena they share, and the most bytes of them that live at one time, below which no arena can go.
 *
 * @example
 * ```ts
 * import { explain, jit, softmax, zeros } from '@adjoint/tensor'
 * const f = jit(softmax(-1))
 * console.log(explain(f.program(zeros([64, 256]))))
 * ```
 */
export const explain = (program: Program | null): string => {
  if (program === null) return 'the reference device interprets the expression; it has no program'
  const costs = program.steps.flatMap((s) => (s.kind === 'kernel' ? [kernelCost(s.kernel)] : []))
  const copies = program.steps.filter((s) => s.kind === 'copy')
  const arena = program.slabs.reduce((n, bytes) => n + bytes, 0)
  const row = (cells: readonly string[]): string =>
    [
      cells[0]!.padStart(4),
      cells[1]!.padEnd(5),
      cells[2]!.padStart(8),
      cells[3]!.padStart(8),
      cells[4]!.padStart(8),
      cells[5]!,
    ].join('  ')
  const sum = (f: (c: KernelCost) => number): string => quantity(costs.reduce((n, c) => n + f(c), 0))
  return [
    row(['#', 'kind', 'FLOP', 'bytes', 'grid', 'operations']),
    ...costs.map((c, i) => row([String(i), c.kind, quantity(c.flops), quantity(c.bytes), quantity(c.grid), c.name])),
    row(['', 'sum', sum((c) => c.flops), sum((c) => c.bytes), '', `${costs.length} kernels, ${copies.length} copies`]),
    `arena ${quantity(arena)}B, of which ${quantity(program.live)}B live at one time${arena === 0 ? '' : ` (${(arena / program.live).toFixed(3)}x)`}`,
  ].join('\n')
}
