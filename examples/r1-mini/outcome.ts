/** What a run came to, out of its logs: the figures of the table and of --json. */
import type { Evaluation, LogRecord } from '@adjoint/rl'
import { linesOf } from '@adjoint/report'

/** Figures of one exam. */
export type Figures = Pick<Evaluation, 'passAt1' | 'thinkRate' | 'meanLength'> & { readonly consAt16: number }

/** The object of --json. */
export interface Outcome {
  readonly seed: number
  readonly device: string
  readonly params: number
  readonly sft: Figures
  readonly grpo: Figures
  /** Wall-clock time of all steps, resumed ones included. */
  readonly seconds: number
}

const figures = (records: readonly LogRecord[], phase: string): Figures => {
  const line = linesOf(records, 'evaluation', phase).at(-1)
  const at = (field: keyof Evaluation): number => {
    const value = line?.[field]
    return typeof value === 'number' ? value : NaN
  }
  return {
    passAt1: at('passAt1'),
    consAt16: at('consAtK'),
    thinkRate: at('thinkRate'),
    meanLength: at('meanLength'),
  }
}

export const outcomeOf = (
  { seed, device, params }: { readonly seed: number; readonly device: string; readonly params: number },
  records: readonly LogRecord[],
  times: readonly LogRecord[],
): Outcome => ({
  seed,
  device,
  params,
  sft: figures(records, 'sft-exam'),
  grpo: figures(records, 'grpo-exam'),
  seconds: Math.round(times.reduce((s, t) => s + (typeof t['total'] === 'number' ? t['total'] : 0), 0) / 100) / 10,
})
