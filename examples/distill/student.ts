/** A student: a small model with random weights and a trimmed vocabulary, taught by traces, or by rewards alone. */
import { saveModel, saveTokenizer, type TokenizerFiles, type Transformer, type TransformerParams } from '@adjoint/nn'
import {
  type Demonstration,
  epochs,
  foldIn,
  group,
  GRPO_OBJECTIVE,
  grpoStep,
  hostKey,
  type HostKey,
  type Learner,
  type LogitPolicy,
  outcome,
  type Phase,
  type RunError,
  sftStep,
  type Stepped,
  type Text,
  transformerPolicy,
} from '@adjoint/rl'
import type { Device, Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { phase } from '../cli/stage.ts'
import { message } from '../cli/published.ts'
import { examining, type Lines } from './examined.ts'
import { learning, optimizerOf, rewards } from './setting.ts'

/** What a run goes on with. */
export type Learning = Learner<TransformerParams, Tree>

/** How students learn, whichever. */
export interface StudentConfig {
  readonly device: Device
  readonly text: Text
  readonly steps: number
  /** Traces of a step, or completions of its own. */
  readonly rows: number
  /** Completions to a problem, by rewards. */
  readonly group: number
  readonly maxTokens: number
  readonly promptWidth: number
  readonly exam: number
  readonly seed: number
}

/** Steps between the short exams on the way. */
const EVERY = 50

/** A step of either way. */
type Step = (state: Learning, key: HostKey, step: number) => TE.TaskEither<RunError, Stepped<Learning>>

const phasesOf = (
  { device, maxTokens, promptWidth, exam, steps }: StudentConfig,
  policy: LogitPolicy<TransformerParams>,
  step: Step,
): readonly Phase<Learning>[] => {
  const sitting = { policy, maxTokens, promptWidth, temperature: 1, device } as const
  const [long, short] = [
    examining({ ...sitting, count: exam, rows: 256, shown: 4 }),
    examining({ ...sitting, count: Math.ceil(exam / 4), rows: 256, shown: 0 }),
  ]
  const lines = (params: TransformerParams, done: number): TE.TaskEither<RunError, Lines> =>
    done % EVERY === 0 && done < steps ? short(params, done) : TE.right([])
  return [
    phase('train', steps, (state, { step: number, key }) =>
      pipe(
        number === 0 ? lines(state.params, 0) : TE.right<RunError, Lines>([]),
        TE.bindTo('before'),
        TE.bind('stepped', () => step(state, key, number)),
        TE.bind('after', ({ stepped }) => lines(stepped.state.params, number + 1)),
        TE.map(({ before, stepped, after }) => ({ ...stepped, records: [...before, ...after] })),
      ),
    ),
    phase('exam', 1, (state) =>
      TE.map((records: Lines) => ({ state, metrics: {}, records }))(long(state.params, steps)),
    ),
  ]
}

/** SFT on traces, all of them once before any of them again. */
export const distilled = (
  config: StudentConfig,
  model: Transformer,
  traces: readonly Demonstration[],
  learningRate: number,
): readonly Phase<Learning>[] => {
  const { device, text, rows, steps, seed } = config
  const policy = transformerPolicy(model, text)
  const step = sftStep({
    policy,
    optimizer: optimizerOf(learningRate, steps),
    batch: epochs(traces, { rows, key: foldIn(hostKey(seed), 0) }),
    device,
  })
  return phasesOf(config, policy, step)
}

/** GRPO from the same weights: as many steps, of as many completions as the other has traces. */
export const byRewards = (
  config: StudentConfig,
  model: Transformer,
  learningRate: number,
): readonly Phase<Learning>[] => {
  const { device, text, rows, steps, maxTokens, promptWidth } = config
  const policy = transformerPolicy(model, text)
  const improve = grpoStep({
    ...{ task: learning, policy, maxTokens, promptWidth, temperature: 1, device, rewards },
    prompts: Math.max(1, Math.floor(rows / config.group)),
    group: config.group,
    optimizer: optimizerOf(learningRate, steps),
    credit: outcome(group()),
    objective: GRPO_OBJECTIVE,
  })
  return phasesOf(config, policy, ({ params, opt }, key) =>
    pipe(
      improve({ params, opt, reference: null }, key),
      TE.map(({ state, metrics }) => ({ state: { params: state.params, opt: state.opt }, metrics })),
    ),
  )
}

/** Writes a student as a folder that `generate` and Transformers load. */
export const save =
  (path: string, files: TokenizerFiles, eos: number, device: Device) =>
  (model: Transformer, params: TransformerParams): TE.TaskEither<string, void> =>
    pipe(
      saveModel({ path, device, fields: { eos_token_id: eos } })(model, params),
      TE.flatMap(() => saveTokenizer({ path })(files)),
      TE.mapLeft(message),
    )
