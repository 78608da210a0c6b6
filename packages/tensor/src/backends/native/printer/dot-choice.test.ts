import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyProduct } from '../../linear/dot-kernels.support.ts'
import { difference, sample, uniforms } from '../../wasm/printer/running.support.ts'
import { dotChoices } from './kernel.ts'
import { openTrial } from './running.support.ts'

const trial = await openTrial()

describe.runIf(trial !== null)('the cuts of a product in C', () => {
  it('change no bit of it: whatever its size, its layout and what it is stored as', { timeout: 300_000 }, () => {
    const { width, compile } = trial!
    const some = fc.sample(fc.tuple(anyProduct, fc.integer()), { seed: 11, numRuns: 14 })
    const cuts = some.flatMap(([kernel, seed]) => dotChoices(kernel, width).map((cut) => ({ kernel, seed, cut })))
    const runs = compile(
      cuts.map(({ kernel }) => kernel),
      cuts.map(({ cut }) => cut.choice),
    )
    const first = new Map<object, readonly Float64Array[]>()
    cuts.forEach(({ kernel, seed, cut }, i) => {
      const next = uniforms(seed)
      const data = kernel.buffers.map(({ dtype, size }) =>
        Float64Array.from({ length: size }, () => sample[dtype](next())),
      )
      runs[i]!(data, [next(), next()])
      const shipped = first.get(kernel)
      if (shipped === undefined) first.set(kernel, data)
      else expect(difference(data, shipped), `${cut.name} of ${JSON.stringify(kernel.buffers)}`).toBeNull()
    })
    expect(cuts.length).toBeGreaterThan(100)
  })
})
