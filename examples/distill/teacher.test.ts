// What is learnt from is all that the teacher's log has kept; a line of it that cannot be read is told, and not left out.
import type { LogRecord } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import { tracesIn } from './teacher.ts'

const step: LogRecord = {
  ...{ kind: 'step', phase: 'traces', step: 0 },
  ...{ problems: 1, solved: 1, tried: 4, kept: 2, wrong: 1, cut: 1, duplicate: 0 },
}

test('a line of completions that cannot be read is a failure that names its step', () => {
  expect(tracesIn([step])).toMatchObject({ _tag: 'Right', right: { counts: { tried: 4, kept: 2 }, traces: [] } })
  const outcome = tracesIn([step, { kind: 'sample', phase: 'traces', step: 3, version: 2 }])
  expect(outcome).toEqual(
    E.left("the log's completions of step 3 cannot be read: its version is 2, and 1 is read here"),
  )
})
