import { readAsync, scalar } from '@adjoint/tensor'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rateAt, scheduleOf } from './rate.ts'

test('what the log says of a step is what its updates follow', async () => {
  const rate = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.record({ from: fc.double({ min: 0, max: 1, noNaN: true }), to: fc.double({ min: 0, max: 1, noNaN: true }) }),
  )
  const position = fc
    .integer({ min: 1, max: 1000 })
    .chain((steps) => fc.tuple(fc.constant(steps), fc.nat({ max: steps })))
  await fc.assert(
    fc.asyncProperty(rate, position, fc.integer({ min: 1, max: 4 }), async (given, [steps, step], perStep) => {
      const schedule = scheduleOf(given, steps * perStep)
      const followed =
        typeof schedule === 'number' ? schedule : (await readAsync(schedule(scalar(step * perStep, 'i32'))))[0]!
      expect(followed).toBeCloseTo(rateAt(given, steps, step), 5)
    }),
    { seed: 1, numRuns: 50 },
  )
})
