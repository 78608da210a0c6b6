/** What a program does: each kernel with its work, traffic and grid, and their sums. */
import { linearize } from '../loops/scalar.ts'
import type { Axis } from '../loops/ix.ts'
import type { Kernel } from '../loops/kernel.ts'
import { dtypes } from '../base/dtype.ts'
import type { Program, Step } from '../loops/program.ts'

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
  if (kernel.kind === 'template') return { name, kind, bytes, ...kernel.template.cost(kernel.params) }
  const dot = kernel.kind === 'dot'
  const rows = iterations(dot ? [...kernel.batch, kernel.m] : kernel.rows)
  const cols = iterations(dot ? [kernel.n] : kernel.cols)
  const inSums = dot ? 2 * cols * kernel.k.extent : 0
  const inReductions = kernel.reductions.reduce((n, r) => n + cols * (1 + ops([r.value])), 0)
  // The stores of an element share what they are made of; so do those of a row.
  const inStores = (['row', 'full'] as const).reduce((n, scope) => {
    const values = kernel.stores.filter((s) => s.scope === scope).map((s) => s.value)
    return n + (scope === 'full' ? cols : 1) * ops(values)
  }, 0)
  return { name, kind, bytes, grid: dot ? rows * cols : rows, flops: rows * (inSums + inReductions + inStores) }
}

/** A number of operations or bytes for people: 1.23M. */
export const quantity = (n: number): string => {
  const units = ['', 'k', 'M', 'G', 'T']
  let i = 0
  for (; n >= 1000 && i < units.length - 1; i++) n /= 1000
  return `${n.toPrecision(3)}${units[i]!}`
}

/**
 * A table of a program's kernels: work (FLOP), traffic (bytes), grid, and what is fused; then the sums over all that runs (the
 * kernels of a loop stand under it, and count once a round), and the memory
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
  const lines = linesOf(program.steps, 1, 0)
  const costs = lines.flatMap((l) => (l.kind === 'kernel' ? [l] : []))
  const copies = lines.flatMap((l) => (l.kind === 'copy' ? [l.times] : [])).reduce((n, times) => n + times, 0)
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
  const sum = (f: (c: KernelCost) => number): string =>
    quantity(costs.reduce((n, { cost, times }) => n + times * f(cost), 0))
  const runs = costs.reduce((n, { times }) => n + times, 0)
  let number = 0
  const rows = lines.flatMap((line): readonly string[] => {
    const indent = '  '.repeat(line.depth)
    if (line.kind === 'copy') return []
    if (line.kind === 'loop') return [row(['', '', '', '', '', `${indent}${line.title}`])]
    const { kind, flops, bytes, grid, name } = line.cost
    return [row([String(number++), kind, quantity(flops), quantity(bytes), quantity(grid), `${indent}${name}`])]
  })
  const open = lines.some((l) => l.kind === 'loop' && l.open) ? ', rounds that a flag ends counted once' : ''
  return [
    row(['#', 'kind', 'FLOP', 'bytes', 'grid', 'operations']),
    ...rows,
    row(['', 'sum', sum((c) => c.flops), sum((c) => c.bytes), '', `${runs} kernels, ${copies} copies${open}`]),
    `arena ${quantity(arena)}B, of which ${quantity(program.live)}B live at one time${arena === 0 ? '' : ` (${(arena / program.live).toFixed(3)}x)`}`,
  ].join('\n')
}

/** What is printed of a step, and how often it runs. */
type Line =
  | { readonly kind: 'kernel'; readonly cost: KernelCost; readonly times: number; readonly depth: number }
  | { readonly kind: 'copy'; readonly times: number; readonly depth: number }
  | { readonly kind: 'loop'; readonly title: string; readonly open: boolean; readonly depth: number }

const linesOf = (steps: readonly Step[], times: number, depth: number): readonly Line[] =>
  steps.flatMap((step): readonly Line[] => {
    switch (step.kind) {
      case 'kernel':
        return [{ kind: 'kernel', cost: kernelCost(step.kernel), times, depth }]
      case 'copy':
        return [{ kind: 'copy', times, depth }]
      case 'loop': {
        const open = step.flag !== null
        const rounds = open ? 1 : step.trips
        const most = step.trips === Infinity ? '' : `, at most ${step.trips} times`
        const title = open ? `as long as its flag is true${most}:` : `${rounds} times:`
        return [{ kind: 'loop', title, open, depth }, ...linesOf(step.steps, times * rounds, depth + 1)]
      }
    }
  })
