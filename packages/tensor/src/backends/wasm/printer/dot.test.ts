import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Choice, choices, kernelOf, odd, rowForms, rowKernelOf } from '../../linear/dot-kernels.support.ts'
import { printDot } from './dot.ts'
import { KC } from './pack.ts'
import { agrees } from './running.support.ts'

describe('dot kernels', () => {
  const turned = { batch: 1, prologues: [false, false], epilogue: false, shared: false } as const

  it('agree with the interpreter on every layout, edge, prologue and epilogue', () => {
    fc.assert(
      fc.property(choices(odd, 3), fc.integer(), (choice, seed) => {
        const kernel = kernelOf(choice)
        return agrees(kernel, printDot(kernel), seed)
      }),
      { seed: 5, numRuns: 300 },
    )
  })

  it('agree where rows of sums are reduced', () => {
    fc.assert(
      fc.property(choices(odd, 3), rowForms, fc.integer(), (choice, form, seed) => {
        const kernel = rowKernelOf(choice, form)
        return agrees(kernel, printDot(kernel), seed, 1e-4)
      }),
      { seed: 5, numRuns: 200 },
    )
  })

  it('agree where rows of many sums of many blocks are reduced', () => {
    const sizes = fc.constantFrom([17, 514, 9], [37, 130, 257], [300, 18, 9], [70, 130, 9], [9, 50, 520])
    fc.assert(
      fc.property(choices(fc.constantFrom(3), 1), sizes, rowForms, fc.integer(), (choice, [m, n, k], form, seed) => {
        const kernel = rowKernelOf({ ...choice, m: m, n: n, k: k }, form)
        return agrees(kernel, printDot(kernel), seed, 2e-3)
      }),
      { seed: 5, numRuns: 12 },
    )
  })

  it('agree where k and m are cut into blocks', () => {
    const long = fc.constantFrom(255, 256, 257, 520)
    const rows = fc.constantFrom(1, 2, 5, 255, 256, 257, 259, 514)
    fc.assert(
      fc.property(choices(fc.constantFrom(3, 18), 1), long, rows, fc.integer(), (choice, k, m, seed) => {
        const kernel = kernelOf({ ...choice, k, m })
        return agrees(kernel, printDot(kernel), seed, 2e-3)
      }),
      { seed: 5, numRuns: 16 },
    )
  })

  it('compute an odd row behind whole blocks once, within their scratch', () => {
    for (const m of [257, 513]) {
      const plain = { batch: 1, prologues: [false, false], epilogue: false, shared: false } as const
      const kernel = kernelOf({ ...plain, m, n: 16, k: 257, orders: [false, false, false] })
      agrees(kernel, printDot(kernel), m)
    }
  })

  // The gradient of a matrix of weights: both operands lie against k, which is long.
  const scratchOf = (m: number, n: number, k: number): number =>
    printDot(kernelOf({ ...turned, m, n, k, orders: [true, false, false] })).scratchBytes

  it('keep the smaller operand in scratch where both are packed and k is long', () => {
    const [operand, panel] = [4 * 64 * KC, 64 * (KC + 8)]
    for (const [m, n] of [
      [256, 64],
      [64, 256],
    ] as const) {
      expect(scratchOf(m, n, KC)).toBeGreaterThanOrEqual(operand)
      expect(scratchOf(m, n, KC)).toBeLessThan(operand + panel)
    }
    expect(scratchOf(256, 64, 16)).toBeGreaterThan(4 * 256 * 16)
  })

  // So all rows use a panel of b while it is there; with all of k packed, few rows would have room in a cache.
  it('pack one block of k at a time, beside as many sums as have room', () => {
    expect(scratchOf(128, 512, 32 * KC)).toBe(scratchOf(128, 512, 2 * KC))
    expect(scratchOf(128, 512, 2 * KC)).toBe(scratchOf(128, 512, KC) + 4 * 128 * (64 + 4))
    expect(scratchOf(4096, 8192, 2 * KC)).toBe(scratchOf(4096, 16384, 32 * KC))
    expect(scratchOf(4096, 8192, 2 * KC)).toBeLessThan(scratchOf(4096, 8192, KC) + 256 * (2048 + 16) + 1)
  })

  it('is cut into even shares for two threads, however few its columns', () => {
    const unitsOf = (m: number, n: number): number =>
      printDot(kernelOf({ ...turned, m, n, k: 2048, orders: [true, false, false] })).units
    expect([unitsOf(128, 128), unitsOf(128, 384), unitsOf(128, 512)]).toEqual([2, 6, 8])
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
