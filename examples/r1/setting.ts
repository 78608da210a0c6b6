/**
 * The setting of the whole recipe, small enough for a few minutes a seed: the models, the task, what is paid for, and how
 * much of everything.
 */
import { adam, chain, clipByGlobalNorm, type LearningRate, transformer } from '@adjoint/nn'
import {
  accuracy,
  bilingual,
  characters,
  format,
  inDigits,
  languageConsistency,
  mod10Chain,
  named,
  presets,
  type Sample,
  softOverlong,
  thought,
  traces,
  transformerPolicy,
  wholeCompletion,
} from '@adjoint/rl'

/** Chains of five digits modulo 10; the oracle of the cold start mixes Chinese numerals into half of its thoughts. */
export const task = bilingual(mod10Chain, { mixed: 0.5 })

const PROMPT = 11 // <bos>, five digits, four operators, =
/** A thinking completion in the template has 10 tokens, a direct one 6; two to spare. */
export const MAX_TOKENS = 12

const layersOf = (layers: number) =>
  transformer({ vocab: task.vocabulary.size, width: 64, layers, heads: 4, context: PROMPT + MAX_TOKENS })
/** The teacher has two layers, its students have one. */
export const [teacher, student] = [layersOf(2), layersOf(1)] as const
const [ofTeacher, ofStudent] = [
  transformerPolicy(teacher, task.vocabulary),
  transformerPolicy(student, task.vocabulary),
] as const

// -- rewards ------------------------------------------------------------------------------------
export const correct = accuracy(task.verify)
/** The share of the numerals of a thought that are in the script of the prompt; 0 for no thought. */
export const language = languageConsistency({ belongs: inDigits, units: characters })
/** The same where there is a thought, absent where there is none: what an exam reports. */
const languageOfThought = (sample: Sample<unknown>): number =>
  thought(wholeCompletion(sample)) === '' ? NaN : language(sample)

/** Reasoning-oriented RL: rules, and one language. */
const reasoningRewards = [
  named('correct', correct),
  named('format', format, 0.1),
  named('language', language, 0.2),
] as const
/** RL for all scenarios: those, and brevity. */
const allRewards = [...reasoningRewards, named('brief', softOverlong({ max: MAX_TOKENS, cache: 2 }), 0.1)] as const

/** What a trace must be to be learned from. */
export const accept = {
  correct: (sample: Sample<Parameters<typeof task.verify>[0]>) => correct(sample) === 1,
  format: (sample: Sample<unknown>) => format(sample) === 1,
  thinks: (sample: Sample<unknown>) => thought(wholeCompletion(sample)) !== '',
  'one-language': (sample: Sample<unknown>) => language(sample) === 1,
} as const

// -- how much -----------------------------------------------------------------------------------
const clipped = (norm: number) => (learningRate: LearningRate) => chain(clipByGlobalNorm(norm), adam({ learningRate }))

const ROWS = 64
const sft = { optimizer: clipped(1), settings: { clip: 1 } } as const
/** The oracle's traces: half of them think, half answer directly. */
const oracle = { rows: ROWS, thinkShare: 0.5 } as const
const cold = { ...sft, batch: traces(task, oracle), settings: { ...sft.settings, ...oracle } } as const
const rl = {
  ...{ task, maxTokens: MAX_TOKENS, temperature: 1, prompts: 16, group: 16 },
  ...presets.r1,
  ...{ optimizer: clipped(0.2), settings: { preset: 'r1', clip: 0.2 } },
} as const
const sampling = { task, policy: ofTeacher, group: 4, batch: 128, maxTokens: MAX_TOKENS, temperature: 1 } as const

/** How long: the whole recipe, or a share of it to try it out. */
export interface Length {
  /** All steps and traces times this. */
  readonly scale: number
  /** Held-out problems of an exam, 16 samples each. */
  readonly exam: number
}

/** The configuration of every stage. */
export const settingOf = ({ scale, exam: count }: Length) => {
  const times = (n: number): number => Math.max(1, Math.round(n * scale))
  const exam = {
    ...{ task, count, samples: 16, temperature: 1, maxTokens: MAX_TOKENS, seed: 20250122 },
    measures: [named('language', languageOfThought)],
  }
  // Short exams on the way: the curves.
  const watch = (every: number) => ({ every, exam: { ...exam, count: Math.min(64, count), shown: 0 } })
  const learned = { ...sft, rows: ROWS, exam } as const
  const falling = { from: 1e-3, to: 1e-4 } as const
  return {
    // The teacher: R1's stages.
    coldStart: { ...cold, policy: ofTeacher, steps: times(1200), learningRate: 1e-3, exam },
    reasoningRl: {
      ...{ ...rl, policy: ofTeacher, rewards: reasoningRewards, steps: times(60), exam, watch: watch(10) },
      learningRate: { from: 1e-4, to: 2e-5 },
    },
    rejectionSampling: { ...sampling, count: times(16384), accept },
    unfiltered: { ...sampling, count: times(16384), accept: {}, distinct: false },
    supervised: { ...learned, policy: ofTeacher, steps: times(600), learningRate: falling },
    allRewardsRl: {
      ...{ ...rl, policy: ofTeacher, rewards: allRewards, steps: times(60), exam, watch: watch(10) },
      learningRate: { from: 1e-4, to: 2e-5 },
    },
    // The students: the same start, then traces that were filtered, or not, or no traces at all.
    studentBase: { ...cold, policy: ofStudent, steps: times(800), learningRate: 1e-3, exam },
    distillation: { ...learned, policy: ofStudent, steps: times(1000), learningRate: falling },
    studentRl: {
      ...{ ...rl, policy: ofStudent, rewards: allRewards, steps: times(400), exam, watch: watch(25) },
      learningRate: { from: 3e-4, to: 6e-5 },
    },
  } as const
}
