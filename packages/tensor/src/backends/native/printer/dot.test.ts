import fc from 'fast-check'
import { describe, it } from 'vitest'
import { type Choice, choices, kernelOf, odd, rowForms, rowKernelOf } from '../../linear/dot-kernels.support.ts'
import { type Case, openTrial } from './running.support.ts'

const trial = await openTrial()

describe.runIf(trial !== null)('dot kernels in C', () => {
  it('agree with the interpreter on every layout, edge, prologue and epilogue', { timeout: 120_000 }, () => {
    const some = fc.sample(fc.tuple(choices(odd, 3), fc.integer()), { seed: 5, numRuns: 60 })
    trial!.agree(some.map(([choice, seed]) => ({ kernel: kernelOf(choice), seed })))
  })

  it('agree where rows, columns and k are cut into blocks', { timeout: 120_000 }, () => {
    const long = fc.constantFrom(255, 256, 257, 520)
    const many = fc.constantFrom(17, 255, 257, 514)
    const few = fc.constantFrom(1, 2, 5, 9, 11, 13, 50)
    const sizes = fc.tuple(long, many, few, fc.boolean()).map(([k, p, q, turned]) => (turned ? [k, p, q] : [k, q, p]))
    const some = fc.sample(fc.tuple(choices(fc.constantFrom(3), 1), sizes, fc.integer()), { seed: 5, numRuns: 16 })
    trial!.agree(
      some.map(([choice, [k, m, n], seed]): Case => ({
        kernel: kernelOf({ ...choice, k: k!, m: m!, n: n! }),
        seed,
        tolerance: 2e-3,
      })),
    )
  })

  it('agree where rows of sums are reduced', { timeout: 120_000 }, () => {
    const some = fc.sample(fc.tuple(choices(odd, 3), rowForms, fc.integer()), { seed: 5, numRuns: 60 })
    trial!.agree(some.map(([choice, form, seed]) => ({ kernel: rowKernelOf(choice, form), seed, tolerance: 1e-4 })))
  })

  it('agree where rows of many sums of many blocks are reduced', { timeout: 120_000 }, () => {
    const many = fc.constantFrom([17, 514, 9], [37, 130, 257], [70, 130, 9], [9, 50, 520])
    const some = fc.sample(fc.tuple(choices(fc.constantFrom(3), 1), many, rowForms, fc.integer()), {
      seed: 6,
      numRuns: 10,
    })
    trial!.agree(
      some.map(([choice, [m, n, k], form, seed]): Case => {
        const kernel = rowKernelOf({ ...choice, m: m, n: n, k: k }, form)
        return { kernel, seed, tolerance: 2e-3 }
      }),
    )
  })

  it('has nothing to do without rows or columns, and writes zeros without terms', { timeout: 60_000 }, () => {
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
    trial!.agree(
      [{ m: 0 }, { n: 0 }, { k: 0 }, { batch: 0 }].map((part) => ({ kernel: kernelOf({ ...base, ...part }), seed: 1 })),
    )
  })
})
