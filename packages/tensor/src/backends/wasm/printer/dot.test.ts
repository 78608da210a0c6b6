import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Choice, choices, kernelOf, odd } from '../../linear/dot-kernels.support.ts'
import { printDot } from './dot.ts'
import { agrees } from './running.support.ts'

describe('dot kernels', () => {
  it('agree with the interpreter on every layout, edge, prologue and epilogue', () => {
    fc.assert(
      fc.property(choices(odd, 3), fc.integer(), (choice, seed) => {
        const kernel = kernelOf(choice)
        return agrees(kernel, printDot(kernel), seed)
      }),
      { seed: 5, numRuns: 300 },
    )
  })

  it('agree where k and m are cut into blocks', () => {
    const long = fc.constantFrom(255, 256, 257, 520)
    const rows = fc.constantFrom(1, 2, 5, 255, 256, 259, 514)
    fc.assert(
      fc.property(choices(fc.constantFrom(3, 18), 1), long, rows, fc.integer(), (choice, k, m, seed) => {
        const kernel = kernelOf({ ...choice, k, m })
        return agrees(kernel, printDot(kernel), seed, 2e-3)
      }),
      { seed: 5, numRuns: 16 },
    )
  })

  // The gradient of a matrix of weights: both operands lie against k, which is long.
  it('keep the smaller operand in scratch where both are packed and k is long', () => {
    const turned = { batch: 1, prologues: [false, false], epilogue: false, shared: false } as const
    const scratchOf = (m: number, n: number, k: number): number =>
      printDot(kernelOf({ ...turned, m, n, k, orders: [true, false, false] })).scratchBytes
    const operand = 4 * 64 * 352
    for (const [m, n] of [
      [256, 64],
      [64, 256],
    ] as const) {
      expect(scratchOf(m, n, 352)).toBeGreaterThanOrEqual(operand)
      expect(scratchOf(m, n, 352)).toBeLessThan(1.4 * operand)
    }
    expect(scratchOf(256, 64, 16)).toBeGreaterThan(4 * 256 * 16)
  })

  it('has nothing to do without rows or columns, and writes zeros without terms', () => {
    const base: Choice = {
      batch: 2,
      m: 3,
      n: 5,
      k: 4,
      orders: [false, false, false],
      prologues: [false, false],
      epilogue: false,
      shared: false,
    }
    for (const part of [{ m: 0 }, { n: 0 }, { k: 0 }, { batch: 0 }]) {
      const kernel = kernelOf({ ...base, ...part })
      agrees(kernel, printDot(kernel), 1)
    }
  })
})
