/** Random programs that write, as devices of several kinds would schedule them, played in double precision. */
import { buildUpdates, describeUpdates, mismatch, playUpdates, updatePrograms } from '@adjoint/testing'
import fc from 'fast-check'
import { it } from 'vitest'
import { parameter } from '../primitives/index.ts'
import { typed } from '../graph/tensor.ts'
import { playScheduled } from './playing.support.ts'
import { kinds } from './capabilities.support.ts'

const seed = Number(process.env['ADJOINT_SEED'] ?? 12)
const numRuns = Number(process.env['ADJOINT_RUNS'] ?? 200)

it.each(Object.entries(kinds))(
  'schedules of %s compute what their programs mean',
  { timeout: 100_000_000 },
  (_, capabilities) => {
    fc.assert(
      fc.property(updatePrograms(), (program) => {
        const { shape, inputs, row, donated } = program
        const stands = inputs.map(() => typed<readonly number[], 'f32'>(parameter({ shape, dtype: 'f32' })))
        const at = typed<readonly number[], 'i32'>(parameter({ shape: [], dtype: 'i32' }))
        const outputs = buildUpdates(program)(stands, at)
        const got = playScheduled(capabilities, [...stands, at], outputs, [...donated, false], [...inputs, [row]])
        playUpdates({ ...program, repeated: 0 })[0]!.forEach((wanted, i) => {
          const off = mismatch(got[i]!, wanted, { relative: 1e-6, absolute: 1e-6 })
          if (off !== null) throw new Error(`result ${i}: ${off}\n  ${describeUpdates(program)}`)
        })
      }),
      { seed, numRuns },
    )
  },
)
