/** A stage of an example that trains more than one thing: a run in a folder of its own, which `--resume` goes on with. */
import { type Phase, run, type RunError } from '@adjoint/rl'
import type { Tree } from '@adjoint/tensor'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import type { Bench } from './example.ts'

/** What all stages of a job share. */
export interface StageConfig {
  /** The name of the example, for the log. */
  readonly example: string
  readonly seed: number
  readonly resume: boolean
  readonly bench: Bench
  /** Steps between checkpoints. Default: 100. */
  readonly checkpointEvery?: number
  /** What the log says the job was started with, besides. */
  readonly settings: Readonly<Record<string, number | string>>
}

/** A phase of `steps` steps whose state begins as it was. */
export const phase = <S extends Tree>(name: string, steps: number, advance: Phase<S>['advance']): Phase<S> => ({
  name,
  steps,
  enter: (state) => state,
  advance,
})

/** The phases of a stage, in the folder `name` of the job's; what was done before is not done again. */
export const stage =
  ({ example, seed, resume, bench: { folder, device, bar, signal }, checkpointEvery = 100, settings }: StageConfig) =>
  <S extends Tree>(name: string, phases: readonly Phase<S>[]) =>
  (initial: S): TE.TaskEither<RunError, S> => {
    const home = join(folder, name)
    return TE.flatMap(() =>
      run({
        folder: home,
        seed,
        phases,
        checkpointEvery,
        settings: { example, stage: name, seed, device: device.kind, ...settings },
        signal,
        observe: (progress) => bar.observe({ ...progress, phase: `${name} ${progress.phase}` }),
      })(initial, { resume: resume && 'where begun' }),
    )(TE.right(undefined))
  }
