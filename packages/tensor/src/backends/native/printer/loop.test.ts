import fc from 'fast-check'
import { describe, it } from 'vitest'
import { cases, kernels } from '../../linear/loop-kernels.support.ts'
import { openTrial } from './running.support.ts'

const trial = await openTrial()

describe.runIf(trial !== null)('loop kernels in C', () => {
  it('agree with the interpreter, whole or in parts', { timeout: 120_000 }, () => {
    const some = fc.sample(fc.tuple(kernels, fc.integer()), { seed: 7, numRuns: 80 })
    trial!.agree(some.map(([kernel, seed]) => ({ kernel, seed })))
  })

  it.each(Object.entries(cases))('%s', { timeout: 120_000 }, (_, some) => trial!.agree(some()))
})
