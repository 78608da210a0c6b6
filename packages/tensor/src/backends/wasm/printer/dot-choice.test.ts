import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyProduct } from '../../linear/dot-kernels.support.ts'
import { dotChoices, printDot } from './dot.ts'
import { difference, run, sample, uniforms } from './running.support.ts'

it('the cuts of a product change no bit of it: whatever its size, its layout and what it is stored as', () => {
  fc.assert(
    fc.property(anyProduct, fc.integer(), (kernel, seed) => {
      const results = dotChoices(kernel).map((cut) => {
        const next = uniforms(seed)
        const data = kernel.buffers.map(({ dtype, size }) =>
          Float64Array.from({ length: size }, () => sample[dtype](next())),
        )
        const printed = printDot(kernel, cut.choice)
        run(kernel, printed, data, [Math.floor(printed.units * next()), Math.floor(printed.units * next())])
        return { name: cut.name, data }
      })
      for (const { name, data } of results) expect(difference(data, results[0]!.data), name).toBeNull()
    }),
    { seed: 11, numRuns: 30 },
  )
}, 120_000)
