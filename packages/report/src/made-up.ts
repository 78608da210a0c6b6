/** Runs that nobody ran, for the tests: lines of logs as `run` of `@adjoint/rl` writes them. */
import { evaluationRecord, type Json, type LogRecord, RECORD_VERSION, type SampleRecord } from '@adjoint/rl'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

type Line = { readonly [key: string]: Json }

export const lines = (all: readonly Line[]): string => all.map((line) => `${JSON.stringify(line)}\n`).join('')

/** A line of a step. */
export const stepLine = (phase: string, step: number, metrics: Line): LogRecord => ({
  kind: 'step',
  phase,
  step,
  ...metrics,
})

/** A completion of step `step`; right where the step is even. */
export const sampleLine = (step: number, completion?: string): LogRecord => {
  const right = step % 2 === 0
  const record: SampleRecord = {
    kind: 'sample',
    version: RECORD_VERSION,
    id: `draw ${step}`,
    prompt: `${step}+1=`,
    expected: `${step + 1}`,
    completions: [completion ?? `<think>carry ${step}</think><answer>${step + 1}</answer>`],
    lengths: [9],
    terminated: [true],
    correct: [right ? 1 : 0],
    rewards: { correct: [right ? 1 : 0], format: [1], brief: [step % 5 === 0 ? null : -0.5] },
    totals: [right ? 1.1 : 0.1],
    advantages: [right ? 0.9 : -0.9],
    logProbs: null,
    tokens: null,
    entropies: null,
    tokenAdvantages: null,
  }
  return { ...record, phase: 'grpo', step }
}

/** A group of step `step`, whose tokens are told, after `thought` those of a short answer; every other completion is right. */
export const groupLine = (step: number, size: number, thought: readonly string[] = ['7']): LogRecord => {
  const texts = (i: number): readonly string[] => [
    ...['<think>', ...thought, '</think>', '<answer>', `${i % 2}`, '</answer>', ''],
  ]
  const each = <A>(of: (i: number) => A): readonly A[] => Array.from({ length: size }, (_, i) => of(i))
  const along = (scale: number) => each((i) => texts(i).map((_, t) => Number((scale * (t + 1 + i / size)).toFixed(3))))
  const record: SampleRecord = {
    kind: 'sample',
    version: RECORD_VERSION,
    id: `group ${step}`,
    prompt: '1-1=',
    expected: '0',
    completions: each((i) => texts(i).join('')),
    lengths: each((i) => texts(i).length),
    terminated: each(() => true),
    correct: each((i) => 1 - (i % 2)),
    rewards: { correct: each((i) => 1 - (i % 2)) },
    totals: each((i) => 1 - (i % 2)),
    advantages: each((i) => 1 - 2 * (i % 2)),
    logProbs: along(-0.15),
    tokens: each(texts),
    entropies: along(0.1),
    tokenAdvantages: null,
  }
  return { ...record, phase: 'grpo', step }
}

export const evaluationLine = (phase: string, step: number, passAt1: number, done = 0): LogRecord => ({
  ...evaluationRecord({ problems: 8, done })({
    passAt1,
    consAtK: Math.min(1, passAt1 + 0.1),
    thinkRate: passAt1,
    meanLength: 6 + 4 * passAt1,
  }),
  phase,
  step,
})

/** What a made-up run is like. */
export interface MadeUp {
  readonly seed: number
  readonly steps: number
  readonly settings?: Line
  readonly samples?: readonly LogRecord[]
}

/** The lines of the log of an SFT phase, an exam, a GRPO phase with metrics of all groups, and an exam. */
export const logLines = ({ seed, steps, settings = {}, samples }: MadeUp): readonly Line[] => [
  { example: 'made-up', steps, ...settings, seed, kind: 'settings', phase: '', step: 0 },
  ...Array.from({ length: 2 * steps }, (_, i) =>
    stepLine('sft', i, {
      loss: 3 / (1 + i) + 0.01 * seed,
      mean_token_accuracy: 1 - 1 / (2 + i),
      grad_norm: 1 + Math.sin(i),
    }),
  ),
  evaluationLine('sft-exam', 0, 0.5 + 0.01 * seed),
  ...Array.from({ length: steps }, (_, i) => [
    stepLine('grpo', i, {
      reward: i / steps + 0.1 * seed,
      num_tokens: 100,
      reward_std: 0.5 - 0.3 * (i / steps),
      'rewards/correct/mean': i / steps,
      'rewards/format/mean': 1 - 0.5 / (1 + i),
      'completions/mean_length': 6 + i / steps,
      kl: i === 3 ? null : 0.001 * i,
      entropy: 1 / (1 + i),
      'clip_ratio/low_mean': 0,
      'clip_ratio/high_mean': 0.001 * (i % 3),
      'sampling/importance_sampling_ratio/mean': 1 + 1e-6 * i,
      grad_norm: 0.5,
      'a name nobody has heard of': i * i,
    }),
    ...(samples === undefined ? [sampleLine(i)] : []),
  ]).flat(),
  ...(samples ?? []),
  evaluationLine('grpo-exam', 0, 0.9 + 0.01 * seed),
]

export const timesLines = ({ steps }: MadeUp): readonly Line[] => [
  ...Array.from({ length: 2 * steps }, (_, step) => ({ kind: 'times', phase: 'sft', step, total: 20 })),
  ...Array.from({ length: steps }, (_, step) => ({
    kind: 'times',
    phase: 'grpo',
    step,
    rollout: 30,
    reward: 5,
    train: 60,
    step_time: 98,
    total: 100,
  })),
]

/** Writes a made-up run into a folder, and gives the folder. */
export const writeRun = async (folder: string, madeUp: MadeUp): Promise<string> => {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'log.jsonl'), lines(logLines(madeUp)))
  await writeFile(join(folder, 'times.jsonl'), lines(timesLines(madeUp)))
  return folder
}
