/** Held-out evaluation inside a recipe: as the last phase of a stage, now and then during one, or as a stage of its own. */
import type { Device, Tree } from '@adjoint/tensor'
import { type OptionNames, optionsOf } from '@adjoint/tensor/ir'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { RunError } from '../run/errors.ts'
import { EVALUATE_OPTIONS, type EvaluateConfig, evaluator } from '../evaluate/evaluate.ts'
import { evaluationRecord, figuresOf, sampleRecords } from '../evaluate/record.ts'
import type { Policy } from '../policy/policy.ts'
import type { Json, LogRecord } from '../run/log.ts'
import { meanOf } from '../run/metrics.ts'
import { absenceRecord, absences } from '../reward/absence.ts'
import { type NamedReward, scoreSamples } from '../reward/named.ts'
import type { Phase } from '../run/run.ts'
import type { RecipeStage } from './recipe.ts'
import { staged } from './staged.ts'
import { modelOf, plain, type R1State, type Report } from './state.ts'

/** What to ask a model of a recipe. */
export interface Exam<Problem> extends Omit<EvaluateConfig<Problem, Tree>, 'policy' | 'device'> {
  /**
   * Means over all completions, logged under their names beside pass@1 (the share in the right language, say). One that is
   * absent for some leaves them out, and a line of kind 'absent' says so; one that is absent for all ends the run.
   */
  readonly measures?: readonly NamedReward<Problem>[]
  /** Problems whose completions are in the log. Default 8. */
  readonly shown?: number
}

const { policy: _, device: __, ...EVALUATED } = EVALUATE_OPTIONS
const EXAM_OPTIONS: OptionNames<Exam<never>> = { ...EVALUATED, measures: true, shown: true }

/** @internal The exam, if it is one: what it is given belongs to it. */
export const demandExam = <Problem>(op: string, exam: Exam<Problem>): Exam<Problem> =>
  optionsOf<Exam<Problem>>(op, exam, EXAM_OPTIONS)

/** A line that a step adds to its log. */
export type Line = { readonly kind: string; readonly [key: string]: Json }

/** Lines of an exam, given the parameters and the steps that the stage has done. */
type Examine<P extends Tree> = (params: P, done: number) => TE.TaskEither<RunError, readonly Line[]>

/** Who sits an exam: the model of that name. */
interface Sitting<P extends Tree> {
  readonly name: string
  readonly policy: Policy<P>
  readonly device: Device
}

/** @internal An exam that is made once a stage, for it keeps its compiled programs. */
export const examiner = <Problem, P extends Tree>(
  exam: Exam<Problem>,
  { name, policy, device }: Sitting<P>,
): Examine<P> => {
  const { measures = [], shown = 8, ...evaluated } = exam
  const { task, samples: k } = evaluated
  const evaluate = evaluator<Problem, P>({ ...evaluated, policy, device })
  const measure = scoreSamples(measures)
  const show = sampleRecords(task, { group: k, shown })
  return (params, done) =>
    pipe(
      TE.Do,
      TE.bind('result', () => evaluate(params)),
      TE.bind('breakdowns', ({ result }) => TE.fromTask(() => measure(result.samples))),
      TE.bind('lacking', ({ breakdowns }) => {
        const lacking = absences(breakdowns)
        const lost = lacking.find(({ absent, of }) => absent === of) // its mean is no number
        return lost === undefined ? TE.right(lacking) : TE.left<RunError>({ _tag: 'RewardAbsent', ...lost })
      }),
      TE.map(({ result: { evaluation, samples }, breakdowns, lacking }) => [
        evaluationRecord({ model: name, problems: exam.count, done })({
          ...evaluation,
          ...Object.fromEntries(measures.map((m) => [m.name, meanOf(breakdowns.map(({ parts }) => parts[m.name]!))])),
        }),
        ...lacking.map(absenceRecord),
        ...show(samples.map((sample) => ({ sample }))),
      ]),
    )
}

/** @internal The last phase of a stage: one step, which changes nothing. None where there is no exam. */
export const examPhases = <Problem, P extends Tree, T extends Tree>(
  exam: Exam<Problem> | undefined,
  sitting: Sitting<P>,
  { paramsOf, done }: { readonly paramsOf: (state: T) => P; readonly done: number },
): readonly Phase<T>[] => {
  if (exam === undefined) return []
  const examineNow = examiner(exam, sitting)
  return [
    {
      name: 'exam',
      steps: 1,
      enter: (state) => state,
      advance: (state) =>
        pipe(
          examineNow(paramsOf(state), done),
          TE.map((records) => ({ state, metrics: {}, records })),
        ),
    },
  ]
}

/** @internal The state with what the exam at the end of a stage said, off its log. */
export const withReports =
  (stage: string, records: readonly LogRecord[]) =>
  <P extends Tree>(state: R1State<P>): R1State<P> => {
    const found = records
      .filter(({ kind, phase }) => kind === 'evaluation' && phase === 'exam')
      .map((line): Report => {
        const { model } = line
        return { stage, model: typeof model === 'string' ? model : '', figures: figuresOf(line) }
      })
    return { ...state, reports: [...state.reports, ...found] }
  }

/** An exam as a stage. */
export interface ExamineConfig<Problem, P extends Tree> {
  /** Default 'exam'. */
  readonly name?: string
  /** Name of the parameters. Default 'policy'. */
  readonly of?: string
  readonly policy: Policy<P>
  readonly exam: Exam<Problem>
}

/**
 * A stage that learns nothing: it examines a model, and adds a report to the state.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { examine, mod10Chain, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const exam = { task: mod10Chain, count: 64, samples: 16, temperature: 1, maxTokens: 12, seed: 0 }
 * const stage = examine({ of: 'student', policy: transformerPolicy(model, mod10Chain.vocabulary), exam })
 * ```
 */
export const examine = <Problem, P extends Tree>(config: ExamineConfig<Problem, P>): RecipeStage<R1State<P>> => {
  const known = { name: true, of: true, policy: true, exam: true } as const
  const {
    name = 'exam',
    of = 'policy',
    policy,
    ...asked
  } = optionsOf<ExamineConfig<Problem, P>>('examine', config, known)
  const exam = demandExam('examine, exam', asked.exam)
  return staged<R1State<P>, P>({
    name,
    settings: plain({ of, policy, exam }),
    begin: (state) => modelOf(of, state),
    reads: () => null,
    phases: (_, { device }) =>
      examPhases(exam, { name: of, policy, device }, { paramsOf: (params) => params, done: 0 }),
    end: (state, { stage, records }) => TE.right(withReports(stage, records)(state)),
  })
}
