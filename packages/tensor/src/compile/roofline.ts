/**
 * The roofline of a program (Williams, Waterman, Patterson, CACM 52(4), 2009): a kernel of F operations and Q bytes takes at least
 *
 *     max(F / peak, Q / bandwidth)
 *
 * on a machine of `peak` operations a second and `bandwidth` bytes a second: it is bound by arithmetic where F / Q is above
 * peak / bandwidth, else by memory. What a kernel reaches of that is its share. What lies in caches can be read faster than
 * memory: shares above 1 are no error there.
 */
import { kernelSteps, type Program, type Step } from '../loops/program.ts'
import { kernelCost, quantity } from './explain.ts'

/** What a machine can do at most. */
export interface Peak {
  /** Floating point operations a second. */
  readonly flops: number
  /** Bytes a second between it and its memory. */
  readonly bandwidth: number
}

/** A step of a program under a roof. */
export interface RooflineStep {
  readonly name: string
  readonly flops: number
  readonly bytes: number
  readonly bound: 'arithmetic' | 'memory'
  /** The least time that it can take, in milliseconds. */
  readonly least: number
  /** What it took, in milliseconds; null on paper. */
  readonly ms: number | null
}

interface Cost {
  readonly flops: number
  readonly bytes: number
}

/** What a step runs: the kernels of a loop once a round, once in all where a flag ends it. */
const costsOf = (step: Step): readonly Cost[] => {
  switch (step.kind) {
    case 'copy':
      return [{ flops: 0, bytes: 2 * step.bytes }]
    case 'kernel':
      return [kernelCost(step.kernel)]
    case 'loop': {
      const rounds = step.flag === null ? step.trips : 1
      return step.steps.flatMap(costsOf).map((c) => ({ flops: rounds * c.flops, bytes: rounds * c.bytes }))
    }
  }
}
const nameOf = (step: Step): string => {
  switch (step.kind) {
    case 'copy':
      return 'copy'
    case 'kernel':
      return step.kernel.name
    case 'loop': {
      const rounds = step.flag === null ? `${step.trips} times` : 'as long as its flag is true, counted once'
      return `loop of ${kernelSteps(step.steps).length} kernels, ${rounds}`
    }
  }
}

/**
 * Each step of a program under the roof of a machine; `ms` is what each took (`profile`), left out for a machine on paper.
 * Throws RangeError for a peak that is none, or times that are not the program's.
 *
 * @example
 * ```ts
 * import { jit, matmul, ones, roofline } from '@adjoint/tensor'
 * const program = jit(matmul).program(ones([512, 512]), ones([512, 512]))
 * const h100 = { flops: 67e12, bandwidth: 3.35e12 }
 * if (program !== null) console.log(roofline(h100)(program).map(({ bound, least }) => `${bound} ${least.toFixed(4)} ms`))
 * ```
 */
export const roofline =
  (peak: Peak) =>
  ({ steps }: Pick<Program, 'steps'>, ms?: readonly number[]): readonly RooflineStep[] => {
    for (const side of ['flops', 'bandwidth'] as const)
      if (!(peak[side] > 0))
        throw new RangeError(`roofline: ${side} is ${peak[side]}; give what the machine does in a second`)
    if (ms !== undefined && ms.length !== steps.length)
      throw new RangeError(
        `roofline: ${ms.length} times of a program of ${steps.length} steps; give those of its own profile`,
      )
    return steps.map((step, i) => {
      const costs = costsOf(step)
      const sum = (f: (c: Cost) => number): number => costs.reduce((n, c) => n + f(c), 0)
      const arithmetic = (c: Cost): number => (1e3 * c.flops) / peak.flops
      const memory = (c: Cost): number => (1e3 * c.bytes) / peak.bandwidth
      return {
        name: nameOf(step),
        flops: sum((c) => c.flops),
        bytes: sum((c) => c.bytes),
        bound: sum(arithmetic) > sum(memory) ? 'arithmetic' : 'memory',
        least: sum((c) => Math.max(arithmetic(c), memory(c))),
        ms: ms?.[i] ?? null,
      }
    })
  }

const share = (least: number, ms: number | null): string =>
  ms === null || ms === 0 ? '' : `${((100 * least) / ms).toFixed(0)}%`
const time = (ms: number | null): string => (ms === null ? '' : ms.toPrecision(3))

/**
 * A roofline as a table: work, traffic, what binds, the least time in ms, the time taken, and the share of the roof reached.
 *
 * @example
 * ```ts
 * import { jit, ones, roofline, rooflineText, softmax } from '@adjoint/tensor'
 * const f = jit(softmax(-1))
 * const profile = await f.profileAsync(ones([512, 512]))
 * console.log(rooflineText(roofline({ flops: 50e9, bandwidth: 10e9 })(profile.program, profile.ms)))
 * ```
 */
export const rooflineText = (steps: readonly RooflineStep[]): string => {
  const sum = (f: (s: RooflineStep) => number): number => steps.reduce((n, s) => n + f(s), 0)
  const least = sum((s) => s.least)
  const taken = steps.every((s) => s.ms !== null) ? sum((s) => s.ms!) : null
  const rows = [
    ['#', 'FLOP', 'bytes', 'bound', 'least ms', 'ms', 'share', 'operations'],
    ...steps.map(({ name, flops, bytes, bound, least, ms }, i) => [
      String(i),
      quantity(flops),
      quantity(bytes),
      bound,
      time(least),
      time(ms),
      share(least, ms),
      name,
    ]),
    [
      '',
      quantity(sum((s) => s.flops)),
      quantity(sum((s) => s.bytes)),
      'sum',
      time(least),
      time(taken),
      share(least, taken),
      `${steps.length} steps`,
    ],
  ]
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 3 ? cell.padEnd(widths[i]!) : i === 7 ? cell : cell.padStart(widths[i]!))).join('  '),
    )
    .join('\n')
}
