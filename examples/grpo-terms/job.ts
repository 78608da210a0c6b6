/** The runs: one cold start, and from it GRPO for each term and seed. What they measured is plain data. */
import type { TransformerParams } from '@adjoint/nn'
import {
  type Evaluation,
  evaluator,
  foldIn,
  grpoStep,
  type GrpoState,
  type HostKey,
  hostKey,
  type Metrics,
  type Progress,
  type RunError,
  sftStep,
  snapshot,
  traces,
} from '@adjoint/rl'
import { type Device, random, realize } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { deviceFailed } from '../cli/example.ts'
import { grpo, model, type Opt, optimizer, policy, rewards, sft, sftOptimizer, sitting, task } from './setting.ts'
import { type Term, TERMS, terms } from './terms.ts'

/** Figures of an exam on held-out problems. Length in tokens. */
export type Exam = Pick<Evaluation, 'passAt1' | 'passAtK' | 'formatRate' | 'thinkRate' | 'meanLength'>

/** One run of GRPO: a number for each step, and the exam at its end. */
export interface TermRun {
  readonly without: Term
  readonly seed: number
  /** Share of the step's completions that are right. */
  readonly accuracy: readonly number[]
  /** k3 to the cold start, nats a token, mean over the step's updates. */
  readonly kl: readonly number[]
  /** Tokens of a completion. */
  readonly length: readonly number[]
  /** Share of tokens held by the clip. */
  readonly clipped: readonly number[]
  readonly exam: Exam
}

/** All runs, and where they began. */
export interface Study {
  readonly device: string
  readonly sftSteps: number
  readonly steps: number
  readonly problems: number
  readonly cold: Exam
  readonly runs: readonly TermRun[]
}

export interface StudyConfig extends Pick<Study, 'sftSteps' | 'steps' | 'problems'> {
  readonly device: Device
  readonly seeds: readonly number[]
  readonly observe: (progress: Progress) => void
}

/** Seed of the cold start. */
const COLD = 100
const DIGITS = 4
const rounded = (x: number): number => Number(x.toFixed(DIGITS))
const examOf = ({ passAt1, passAtK, formatRate, thinkRate, meanLength }: Evaluation): Exam => ({
  passAt1: rounded(passAt1),
  passAtK: rounded(passAtK),
  formatRate: rounded(formatRate),
  thinkRate: rounded(thinkRate),
  meanLength: rounded(meanLength),
})

/** The states after each of so many steps, by a fold; what each measured beside. */
const repeat = <S>(
  { phase, steps, observe }: Pick<Progress, 'phase' | 'steps'> & Pick<StudyConfig, 'observe'>,
  root: HostKey,
  step: (state: S, key: HostKey) => TE.TaskEither<RunError, { readonly state: S; readonly metrics: Metrics }>,
) => {
  const advance = (
    state: S,
    measured: readonly Metrics[],
  ): TE.TaskEither<RunError, { readonly state: S; readonly measured: readonly Metrics[] }> =>
    measured.length === steps
      ? TE.right({ state, measured })
      : pipe(
          step(state, foldIn(root, measured.length)),
          TE.tapIO(
            ({ metrics }) =>
              () =>
                observe({ phase, step: measured.length + 1, steps, metrics, times: {} }),
          ),
          TE.flatMap((next) => advance(next.state, [...measured, next.metrics])),
        )
  return (from: S) => advance(from, [])
}

/** Makes the runs one after the other. Left: as the steps. */
export const study = (config: StudyConfig): TE.TaskEither<RunError, Study> => {
  const { device, sftSteps, steps, problems, seeds, observe } = config
  const demonstrate = sftStep({
    policy,
    optimizer: sftOptimizer,
    batch: traces(task, { rows: sft.rows, thinkShare: sft.thinkShare }),
    device,
  })
  const sit = evaluator({ ...sitting, count: problems, device })
  const examine = (params: TransformerParams) =>
    TE.map(({ evaluation }: { readonly evaluation: Evaluation }) => examOf(evaluation))(sit(params))
  const copy = snapshot(device)
  const steppers = TERMS.map((without) => ({
    without,
    improve: grpoStep({ ...grpo, ...terms[without], task, policy, rewards, optimizer, device }),
  }))

  const runOf =
    (cold: TransformerParams) =>
    ({ without, improve, seed }: (typeof steppers)[number] & { readonly seed: number }) =>
      pipe(
        TE.Do,
        // A step reuses the memory of its parameters: each run has copies of its own.
        TE.bind('params', () => copy(cold)),
        TE.bind('reference', () => copy(cold)),
        TE.flatMap(({ params, reference }) =>
          repeat<GrpoState<TransformerParams, Opt>>(
            { phase: `without ${without}, seed ${seed}`, steps, observe },
            hostKey(seed),
            improve,
          )({ params, opt: optimizer.init(params), reference }),
        ),
        TE.bind('exam', ({ state }) => examine(state.params)),
        TE.map(({ measured, exam }): TermRun => {
          const of = (name: string): readonly number[] => measured.map((m) => rounded(m[name] ?? NaN))
          return {
            without,
            seed,
            accuracy: of('rewards/correct/mean'),
            kl: of('kl'),
            length: of('completions/mean_length'),
            clipped: of('clip_ratio/region_mean'),
            exam,
          }
        }),
      )

  const begun = model.init(random.key(0))
  return pipe(
    TE.mapLeft(deviceFailed)(realize(device)({ params: begun, opt: sftOptimizer.init(begun) })),
    TE.flatMap(repeat({ phase: 'cold start', steps: sftSteps, observe }, hostKey(COLD), demonstrate)),
    TE.bind('cold', ({ state }) => examine(state.params)),
    TE.bind('runs', ({ state }) =>
      TE.traverseSeqArray(runOf(state.params))(steppers.flatMap((each) => seeds.map((seed) => ({ ...each, seed })))),
    ),
    TE.map(({ cold, runs }) => ({ device: device.kind, sftSteps, steps, problems, cold, runs })),
  )
}
