/**
 * The main job: DeepSeek-R1's recipe in small. A policy of about 100 thousand parameters learns mod-10 chains from a cold
 * start of which half thinks and half guesses; GRPO with a reward for correct answers then makes it think.
 * Takes 45 s.
 */
import { castFloats } from '@adjoint/nn'
import { random, realize } from '@adjoint/tensor'
import { reportRuns } from '@adjoint/report'
import { readLog, run } from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, deviceFailed, type JobError, main } from '../cli/example.ts'
import { tableText } from '../cli/table.ts'
import { type Flags, flags } from './flags.ts'
import { type Learning, phasesOf, sizeOf } from './job.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { aboutOf, TABLE_HEAD, tableOf } from './report.ts'
import { model, sftOptimizer } from './setting.ts'

interface Finished {
  readonly outcome: Outcome
  readonly report: string
}

const job = (given: Flags, { device, folder, bar, signal }: Bench): TE.TaskEither<JobError, Finished> => {
  const { seed, steps, sftSteps, exam, micro, control } = given
  const dtype = given.dtype ?? 'f32'
  const params = castFloats(dtype)(model.init(random.key(seed)))
  const start: Learning = { params, opt: sftOptimizer(dtype).init(params), reference: null }
  const common = { example: 'r1-mini', seed, device: device.kind, steps, sftSteps, exam, micro, control }
  const settings = dtype === 'f32' ? common : { ...common, dtype }
  const about = { seed, device: device.kind, dtype, ...sizeOf(params) }
  return pipe(
    TE.mapLeft(deviceFailed)(realize(device)(start)),
    TE.flatMap((initial) =>
      run({
        folder,
        seed,
        phases: phasesOf({ device, steps, sftSteps, exam, micro, dtype, control }),
        checkpointEvery: 25,
        settings,
        observe: bar.observe,
        signal,
      })(initial, { resume: given.resume }),
    ),
    TE.tapIO(() => bar.stop),
    TE.flatMap(() => TE.Do),
    TE.bind('records', () => readLog(join(folder, 'log.jsonl'))),
    TE.bind('times', () => readLog(join(folder, 'times.jsonl'))),
    TE.bind('outcome', ({ records, times }) =>
      TE.right(outcomeOf({ ...about, peakBytes: device.stats().peakBytes }, records, times)),
    ),
    TE.bindW('report', ({ outcome }) => reportRuns(folder, aboutOf(outcome, control))),
  )
}

await main({
  name: 'r1-mini',
  about:
    'Cold-start SFT, then GRPO, on mod-10 chains, from random weights; writes a log, a checkpoint and report.html.',
  flags,
  job,
  text: ({ outcome, report }) =>
    `${tableText(TABLE_HEAD, tableOf(outcome))}\n` +
    `${outcome.params} parameters as ${outcome.dtype} (${outcome.paramBytes} bytes), ${outcome.device}, ` +
    `at most ${outcome.peakBytes} bytes, ${outcome.seconds} s; ${report}`,
  json: ({ outcome }) => outcome,
})
