/** The setting: a policy that half thinks and half guesses, and two judges that learn from pairs what to want of it. */
import { adam, chain, clipByGlobalNorm, transformer } from '@adjoint/nn'
import {
  type Chain,
  type Corruption,
  type Credit,
  dice,
  drGrpo,
  foldIn,
  group,
  type HostKey,
  k2,
  k3,
  type Kl,
  mod10Chain,
  outcome,
  type PreferencePair,
  preferencePairs,
  rewardModel,
  transformerPolicy,
  wrongAnswer,
  wrongFormat,
} from '@adjoint/rl'

/** Left-to-right chains of five digits modulo 10. */
export const task = mod10Chain
const PROMPT = 11 // <bos>, five digits, four operators, =
/** A thinking completion in the template has 10 tokens, a direct one 6; the rest is room to go astray. */
export const MAX_TOKENS = 16

/** Two pre-norm layers, about 100 thousand parameters; the judges have the same trunk, and a scalar head. */
export const model = transformer({
  vocab: task.vocabulary.size,
  width: 64,
  layers: 2,
  heads: 4,
  context: PROMPT + MAX_TOKENS + 1, // a judge reads an <eos> after what was cut, too
})
/** What the loops know of the model. */
export const policy = transformerPolicy(model, task.vocabulary)
export const judge = rewardModel(model)

/** All that learn here learn by Adam behind a clip, so that their states have one type. */
export const optimizerOf = ({ clip, learningRate }: { readonly clip: number; readonly learningRate: number }) =>
  chain(clipByGlobalNorm(clip), adam({ learningRate }))
export type Opt = ReturnType<ReturnType<typeof optimizerOf>['init']>

/** Half of the traces of the cold start think. */
export const sft = { rows: 64, thinkShare: 0.5, optimizer: optimizerOf({ clip: 1, learningRate: 1e-3 }) } as const

const PAIRS = 32
/** What held-out pairs are about, for both judges: answers that are not what was thought, and broken templates. */
const corruptions: readonly Corruption<Chain>[] = [wrongAnswer, wrongFormat]
export const heldOut = (count: number, key: HostKey): readonly PreferencePair[] =>
  preferencePairs(task, { rows: count, split: 'heldOut', corruptions })(key)

/** Some pairs, over and over. */
const drawnFrom =
  (pairs: readonly PreferencePair[]) =>
  (key: HostKey): readonly PreferencePair[] => {
    const roll = dice(key)
    return Array.from({ length: PAIRS }, () => pairs[roll(pairs.length)]!)
  }

/** A trace that thinks, over a wrong guess: whoever sees only these may take length for merit. */
const guess: Corruption<Chain> = (p, trace, key, of) => wrongAnswer(p, { ...trace, think: '' }, key, of)
/** How many pairs the biased judge has. */
export const FEW = 48

/** Judges by name: where their pairs come from, given the key of the job. */
export const judges: Readonly<
  Record<'good' | 'biased', (key: HostKey) => (key: HostKey) => readonly PreferencePair[]>
> = {
  // New pairs each step, of every kind that it will be asked about.
  good: () => preferencePairs(task, { rows: PAIRS, split: 'train', corruptions }),
  // A few pairs, all of one kind.
  biased: (key) =>
    drawnFrom(preferencePairs(task, { rows: FEW, split: 'train', corruptions: [guess] })(foldIn(key, 0))),
}
export type JudgeName = keyof typeof judges
export const JUDGES: readonly JudgeName[] = ['good', 'biased']
export const judging = { optimizer: optimizerOf({ clip: 1, learningRate: 1e-3 }) } as const

/** A learning rate that does not fall: how far the policy goes is what is asked. */
export const grpo = {
  prompts: 16,
  group: 16,
  temperature: 1,
  maxTokens: MAX_TOKENS,
  optimizer: optimizerOf({ clip: 0.2, learningRate: 1e-4 }),
} as const

/** Whom a policy tries to please, and how. */
export interface Pursuit {
  readonly name: string
  readonly judge: JudgeName
  readonly credit: Credit<unknown>
  /** What it pays for a nat of KL to where it started, and how that is estimated. */
  readonly beta: number
  readonly kl: Kl
}
const free = { credit: outcome(group()), beta: 0, kl: k3 }
export const PURSUITS: readonly Pursuit[] = [
  { name: 'good', judge: 'good', ...free },
  // A z-score makes much of differences that hardly are: without it, what is left to gain can be worth less than the KL.
  // The slope of k3 has e^l in it, and one token that the reference finds likelier than the policy can outweigh a whole step:
  // in three of six seeds the policy came off that leash. k2's is l, and it is that of KL(pi || ref), which is to be paid for.
  { name: 'leashed', judge: 'good', credit: outcome(drGrpo), beta: 1, kl: k2 },
  { name: 'biased', judge: 'biased', ...free },
]

/** Held-out problems: all policies sit the same exam. */
export const sitting = {
  task,
  policy,
  seed: 20250122,
  samples: 16,
  temperature: 1,
  maxTokens: MAX_TOKENS,
} as const
/** Held-out pairs: half of them fit the temperature, half of them judge the judge. */
export const EXAM_PAIRS = 512
