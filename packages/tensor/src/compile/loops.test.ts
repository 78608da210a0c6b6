/** Random programs of loops, as devices of several kinds would schedule them, played in double precision. */
import { buildLoops, describeLoops, loopPrograms, meaningOfLoops, mismatch } from '@adjoint/testing'
import fc from 'fast-check'
import { it } from 'vitest'
import { parameter } from '../primitives/index.ts'
import { typed } from '../graph/tensor.ts'
import { playScheduled } from './playing.support.ts'
import { kinds } from './capabilities.support.ts'

const seed = Number(process.env['ADJOINT_SEED'] ?? 5)
const numRuns = Number(process.env['ADJOINT_RUNS'] ?? 150)

it.each(Object.entries(kinds))(
  'schedules of %s go round as the loops do',
  { timeout: 100_000_000 },
  (_, capabilities) => {
    fc.assert(
      fc.property(loopPrograms(), (program) => {
        const { shape, inputs, row, donated } = program
        const stands = inputs.map(() => typed<readonly number[], 'f32'>(parameter({ shape, dtype: 'f32' })))
        const at = typed<readonly [], 'i32'>(parameter({ shape: [], dtype: 'i32' }))
        const outputs = buildLoops(program)(stands, at)
        const got = playScheduled(capabilities, [...stands, at], outputs, [...donated, false], [...inputs, [row]])
        meaningOfLoops(program).forEach((wanted, i) => {
          const off = mismatch(got[i]!, wanted, { relative: 1e-6, absolute: 1e-6 })
          if (off !== null) throw new Error(`result ${i}: ${off}\n${describeLoops(program)}`)
        })
      }),
      { seed, numRuns },
    )
  },
)
