/** report.html of a run: a pure function of its logs. */
import {
  banded,
  type Chart,
  curve,
  linesOf,
  lineChart,
  pageHtml,
  renderSvg,
  type Section,
  type Series,
  thinned,
} from '@adjoint/report'
import type { Json, LogRecord } from '@adjoint/rl'
import { show } from '../cli/table.ts'
import type { Figures, Outcome } from './outcome.ts'

/** Exams on the way, with the one before at step 0 and the one after at the end. */
const examCurve = (records: readonly LogRecord[], field: string, name: string): Series => {
  const last = linesOf(records, 'step', 'grpo').length
  const lines = [
    ...linesOf(records, 'evaluation', 'sft-exam').map((line) => ({ ...line, step: 0 })),
    ...linesOf(records, 'evaluation', 'grpo').map((line) => ({ ...line, step: line.step + 1 })),
    ...linesOf(records, 'evaluation', 'grpo-exam').map((line) => ({ ...line, step: last })),
  ]
  return curve(lines, field, name)
}

const chartsOf = (
  records: readonly LogRecord[],
  times: readonly LogRecord[],
): readonly (readonly [string, readonly Chart[]])[] => {
  const steps = linesOf(records, 'step', 'grpo')
  const warm = linesOf(records, 'step', 'sft')
  const took = linesOf(times, 'times', 'grpo')
  const over = { x: 'GRPO step' } as const
  const smooth = Math.max(1, Math.floor(warm.length / 200))
  return [
    [
      'The two curves of the R1 paper',
      [
        {
          ...over,
          title: 'Accuracy on held-out problems',
          y: 'accuracy',
          domain: [0, 1],
          series: [examCurve(records, 'passAt1', 'pass@1'), examCurve(records, 'consAtK', 'cons@16')],
        },
        {
          ...over,
          title: 'Mean response length',
          y: 'tokens',
          series: [curve(steps, 'completions/mean_length', 'training'), examCurve(records, 'meanLength', 'held-out')],
        },
      ],
    ],
    [
      'GRPO',
      [
        {
          ...over,
          title: 'Reward, and its deviation within groups',
          y: 'reward',
          series: [banded(steps, 'reward', 'reward_std')],
        },
        {
          ...over,
          title: 'Share of completions that think',
          y: 'share',
          domain: [0, 1],
          series: [examCurve(records, 'thinkRate', 'held-out')],
        },
        { ...over, title: 'KL to the policy after SFT', y: 'nats per token', series: [curve(steps, 'kl')] },
        { ...over, title: 'Entropy', y: 'nats per token', series: [curve(steps, 'entropy')] },
        {
          ...over,
          title: 'Clipped tokens',
          y: 'share',
          series: [
            curve(steps, 'clip_ratio/low_mean', 'low'),
            curve(steps, 'clip_ratio/high_mean', 'high'),
            curve(steps, 'clip_ratio/region_mean', 'region'),
          ],
        },
        {
          ...over,
          title: 'Groups without a signal (all rewards equal)',
          y: 'share',
          domain: [0, 1],
          series: [curve(steps, 'frac_reward_zero_std')],
        },
        { ...over, title: 'Gradient norm', y: 'norm', series: [curve(steps, 'grad_norm')] },
        {
          ...over,
          title: 'Time of a step',
          y: 'ms',
          series: [curve(took, 'rollout'), curve(took, 'reward'), curve(took, 'train')],
        },
      ],
    ],
    [
      'Cold start',
      [
        { title: 'SFT loss', x: 'SFT step', y: 'nats per token', series: [thinned(curve(warm, 'loss'), smooth)] },
        {
          title: 'SFT token accuracy',
          x: 'SFT step',
          y: 'share',
          series: [thinned(curve(warm, 'mean_token_accuracy'), smooth)],
        },
      ],
    ],
  ]
}

/** The rows of the table at the end: name, pass@1, cons@16, share that thinks, mean length. */
export const tableOf = (outcome: Outcome): readonly (readonly string[])[] =>
  (
    [
      ['after SFT', outcome.sft],
      ['after GRPO', outcome.grpo],
    ] as readonly (readonly [string, Figures])[]
  ).map(([name, f]) => [name, show(f.passAt1, 3), show(f.consAt16, 3), show(f.thinkRate, 3), show(f.meanLength, 2)])
export const TABLE_HEAD = ['', 'pass@1', 'cons@16', 'share that thinks', 'mean length'] as const

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')

const samplesOf = (records: readonly LogRecord[], phase: string): readonly (readonly string[])[] =>
  linesOf(records, 'sample', phase).map((line) => [
    text(line['prompt']),
    text(line['completion']),
    line['correct'] === 1 ? 'right' : 'wrong',
  ])

/** The page of a run. */
export const reportHtml = async (
  outcome: Outcome,
  control: string | null,
  records: readonly LogRecord[],
  times: readonly LogRecord[],
): Promise<string> => {
  const charts: Section[] = []
  for (const [title, group] of chartsOf(records, times)) {
    const svgs: string[] = []
    for (const chart of group) svgs.push(await renderSvg(lineChart(chart)))
    charts.push({ kind: 'charts', title, svgs })
  }
  const samples = (title: string, phase: string): Section => ({
    kind: 'table',
    title,
    head: ['prompt', 'completion', ''],
    rows: samplesOf(records, phase),
  })
  return pageHtml({
    title: `r1-mini, seed ${outcome.seed}${control === null ? '' : `, control: ${control} rewards`}`,
    sections: [
      {
        kind: 'text',
        text:
          `A transformer of ${outcome.params} parameters, from random weights, on mod-10 chains; ${outcome.device}, ` +
          `${outcome.seconds} s. RL amplifies what the cold start made possible.`,
      },
      { kind: 'table', title: 'Held-out problems', head: TABLE_HEAD, rows: tableOf(outcome) },
      ...charts,
      samples('Completions after SFT', 'sft-exam'),
      samples('Completions after GRPO', 'grpo-exam'),
    ],
  })
}
