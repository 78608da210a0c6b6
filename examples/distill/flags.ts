/** The command line of distill. */
import { common, type CommonValues, count, type FlagsOf, folder as path, real } from '../cli/flags.ts'
import { LEARNABLE } from './setting.ts'

export interface Flags extends CommonValues {
  readonly model: string | null
  readonly adapter: string | null
  readonly seed: number
  readonly problems: number
  readonly samples: number
  readonly group: number
  readonly maxTokens: number
  readonly width: number
  readonly layers: number
  readonly steps: number
  readonly rows: number
  readonly learningRate: number
  readonly rlLearningRate: number
  readonly exam: number
  readonly resume: boolean
}

export const flags: FlagsOf<Flags> = {
  model: path(
    'the teacher: a folder of the Hugging Face hub, a GGUF file, or a part of the name of one in ADJOINT_MODELS',
  ),
  adapter: path('its adapter, as `grpo` saves it (default: none, the model itself teaches)'),
  problems: count('training problems that the teacher is asked', 512, { min: 1, max: LEARNABLE }),
  samples: count('its completions to each', 4, { min: 1 }),
  group: count('completions of a student to a problem, in RL', 8, { min: 2 }),
  maxTokens: count('tokens of a completion, at most', 20, { min: 1 }),
  width: count('width of the students, a multiple of 64', 384, { min: 64 }),
  layers: count('their layers', 6, { min: 1 }),
  steps: count('steps of each student', 200, { min: 1 }),
  rows: count('traces of a step, or completions of a step of RL', 32, { min: 2 }),
  learningRate: real('learning rate of SFT, at its highest', 1e-3, { min: 0 }),
  rlLearningRate: real('learning rate of RL alone, at its highest', 3e-4, { min: 0 }),
  exam: count('held-out problems of an exam, 8 samples each', 64, { min: 4 }),
  ...common,
}

/** What is wrong with flags together, in a sentence; null where nothing is. */
export const wrong = ({ width, rows, group, exam }: Flags): string | null =>
  width % 64 !== 0
    ? `--width ${width} is no multiple of 64: choose 64, 128, .. 384`
    : rows % group !== 0
      ? `--rows ${rows} completions are no groups of --group ${group}: choose a multiple`
      : exam > 128
        ? `--exam ${exam}: some hundred sums are held out, of which 128 at most are asked`
        : null
