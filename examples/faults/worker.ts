/** The process that is killed: one run in one folder. Tells of each step in a line of JSON on stdout. */
import { type DeviceError, type DeviceKind, random, realize, requestDevice } from '@adjoint/tensor'
import { describeError, describeTeacherError, openTraceCache, type Resume, run, type RunError } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Learning, phasesOf } from './job.ts'
import { CHECKPOINT_EVERY, model, sftOptimizer } from './setting.ts'

/** What the worker is told, as JSON in its one argument. */
export interface WorkerTask {
  readonly folder: string
  readonly baseUrl: string
  readonly steps: number
  readonly seed: number
  readonly device: DeviceKind
  readonly resume: Resume
}

const work = ({ folder, baseUrl, steps, seed, device: kind, resume }: WorkerTask): TE.TaskEither<string, Learning> =>
  TE.bracket(
    pipe(
      requestDevice({ kind }),
      TE.mapLeft((error) => error.message),
    ),
    (device) => {
      const params = model.init(random.key(seed))
      const start: Learning = { params, opt: sftOptimizer.init(params), reference: null }
      return pipe(
        TE.fromTask(() => mkdir(folder, { recursive: true })),
        TE.flatMap(() => TE.mapLeft(describeTeacherError)(openTraceCache(join(folder, 'judge.jsonl')))),
        TE.bindTo('cache'),
        TE.bind('initial', () => TE.mapLeft((error: DeviceError) => error.message)(realize(device)(start))),
        TE.flatMap(({ cache, initial }) =>
          TE.mapLeft((error: RunError) => describeError(error))(
            run({
              folder,
              seed,
              phases: phasesOf({ device, steps, baseUrl, cache }),
              checkpointEvery: CHECKPOINT_EVERY,
              settings: { example: 'faults', seed, steps, device: kind },
              observe: (progress) => process.stdout.write(`${JSON.stringify(progress)}\n`),
            })(initial, { resume }),
          ),
        ),
      )
    },
    (device) => TE.fromTask(() => device.destroy()),
  )

const ended = await work(JSON.parse(process.argv[2] ?? '{}') as WorkerTask)()
if (E.isLeft(ended)) {
  process.stderr.write(`${ended.left}\n`)
  process.exitCode = 1
}
