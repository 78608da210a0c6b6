/** The figures of the job: the over-optimisation curve out of its logs, the reliability of its reward models, its tables. */
import { type Chart, linesOf, type Series } from '@adjoint/report'
import type { LogRecord } from '@adjoint/rl'
import { show } from '../cli/table.ts'
import type { JudgeRow, Outcome, PolicyRow } from './job.ts'

/** A moment of a run against a reward model: means over some steps. */
export interface Moment {
  readonly step: number
  /** KL(policy || start), nats per completion. */
  readonly kl: number
  /** What the reward model says, and what is true. */
  readonly proxy: number
  readonly accuracy: number
  readonly length: number
}

const WINDOW = 10

const at = (line: LogRecord, name: string): number => {
  const value = line[name]
  return typeof value === 'number' ? value : NaN
}
const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / Math.max(1, xs.length)

const momentOf = (lines: readonly LogRecord[]): Moment => {
  const over = (f: (line: LogRecord) => number): number => mean(lines.map(f))
  return {
    step: lines.at(-1)!.step + 1,
    kl: over((line) => at(line, 'kl') * at(line, 'completions/mean_length')),
    proxy: over((line) => at(line, 'rewards/learned/mean')),
    accuracy: over((line) => at(line, 'rewards/correct/mean')),
    length: over((line) => at(line, 'completions/mean_length')),
  }
}

/** The course of a run: its first step, where the policy is the start, and the means of every ten. */
export const momentsOf = (log: readonly LogRecord[]): readonly Moment[] => {
  const lines = linesOf(log, 'step', 'train')
  const windows = Array.from({ length: Math.floor(lines.length / WINDOW) }, (_, i) =>
    lines.slice(i * WINDOW, (i + 1) * WINDOW),
  )
  return lines.length === 0 ? [] : [lines.slice(0, 1), ...windows].map(momentOf)
}

/**
 * Rewards of two kinds on one axis: how far each has come, in deviations among the completions of the start, over the
 * distance of Gao et al. 2022, section 2.3, the square root of the KL.
 */
const gains = (name: string, log: readonly LogRecord[]): readonly Series[] => {
  const moments = momentsOf(log)
  const first = linesOf(log, 'step', 'train')[0]
  const gain = (what: 'proxy' | 'accuracy', reward: string): Series['points'] => {
    const unit = first === undefined ? NaN : at(first, `rewards/${reward}/std`)
    return moments.map((m) => ({ x: Math.sqrt(m.kl), y: (m[what] - moments[0]![what]) / unit }))
  }
  return [
    { name: `${name}: said`, points: gain('proxy', 'learned') },
    { name: `${name}: true`, points: gain('accuracy', 'correct') },
  ]
}

/** The charts of the page; `logs` are those of the policies, by reward model. */
export const chartsOf = (
  { judges }: Outcome,
  logs: readonly (readonly [name: string, log: readonly LogRecord[]])[],
): Readonly<Record<'overoptimisation' | 'accuracy' | 'length' | 'reliability', Chart>> => {
  const kl = 'KL(policy || start), nats per completion'
  const over = (name: keyof Moment): readonly Series[] =>
    logs.map(([judge, log]) => ({ name: judge, points: momentsOf(log).map((m) => ({ x: m.kl, y: m[name] })) }))
  return {
    overoptimisation: {
      title: 'Reward gained: what the model says, what is true',
      x: 'square root of KL(policy || start), nats per completion',
      y: 'deviations at the start',
      series: logs.flatMap(([judge, log]) => gains(judge, log)),
    },
    accuracy: { title: 'True accuracy', x: kl, y: 'share right', domain: [0, 1], series: over('accuracy') },
    length: { title: 'Length', x: kl, y: 'tokens', series: over('length') },
    reliability: {
      title: 'Reliability on held-out pairs',
      x: 'confidence',
      y: 'share right',
      domain: [0, 1],
      series: [
        { name: 'calibrated', points: [0.5, 1].map((x) => ({ x, y: x })) },
        ...judges.map(({ judge, evaluation }) => ({
          name: judge,
          points: evaluation.bins.flatMap((b) => (b.count === 0 ? [] : [{ x: b.confidence, y: b.frequency }])),
        })),
      ],
    },
  }
}

export const JUDGE_HEAD = ['reward model', 'accuracy', 'margin', 'NLL', 'ECE', 'temperature', 'ECE at it'] as const
export const judgeRow = ({ judge, evaluation: e, temperature, calibrated }: JudgeRow): readonly string[] => [
  judge,
  ...[e.accuracy, e.margin, e.nll, e.ece, temperature, calibrated.ece].map((x) => show(x, 3)),
]

export const POLICY_HEAD = ['policy', 'pass@1', 'cons@16', 'thinks', 'in the template', 'mean length'] as const
export const policyRow = ({ policy, evaluation: e }: PolicyRow): readonly string[] => [
  policy,
  ...[e.passAt1, e.consAtK, e.thinkRate, e.formatRate].map((x) => show(x, 3)),
  show(e.meanLength, 2),
]

export const COURSE_HEAD = [
  'against',
  'true at first',
  'at its best',
  'at step',
  'at KL',
  'in the end',
  'at KL',
] as const
/** True accuracy in training, on problems never seen before: where it began, its best and its last ten steps. */
export const courseRow = ([name, log]: readonly [name: string, log: readonly LogRecord[]]): readonly string[] => {
  const moments = momentsOf(log)
  const [first, last] = [moments[0], moments.at(-1)]
  if (first === undefined || last === undefined) return [name]
  const best = moments.reduce((x, y) => (y.accuracy > x.accuracy ? y : x))
  return [
    name,
    ...[show(first.accuracy, 3), show(best.accuracy, 3), String(best.step), show(best.kl, 2)],
    ...[show(last.accuracy, 3), show(last.kl, 2)],
  ]
}
