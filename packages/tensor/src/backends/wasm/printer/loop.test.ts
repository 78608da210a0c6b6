import fc from 'fast-check'
import { describe, it } from 'vitest'
import { cases, kernels } from '../../linear/loop-kernels.support.ts'
import { agrees } from './running.support.ts'
import { printLoop } from './loop.ts'

describe('loop kernels', () => {
  it('agree with the interpreter, whole or in parts', () => {
    fc.assert(
      fc.property(kernels, fc.integer(), (kernel, seed) => agrees(kernel, printLoop(kernel), seed)),
      { seed: 7, numRuns: 200 },
    )
  })

  it.each(Object.entries(cases))('%s', (_, some) => {
    for (const { kernel, seed, tolerance } of some()) agrees(kernel, printLoop(kernel), seed, tolerance)
  })
})
