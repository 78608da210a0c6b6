/** What a run came to, out of its logs: the figures of the table and of --json. */
import type { Evaluation, LogRecord } from '@adjoint/rl'
import { linesOf } from '@adjoint/report'

/** Figures of one exam. */
export type Figures = Pick<Evaluation, 'passAt1' | 'thinkRate' | 'meanLength'> & { readonly consAt16: number }

/** What a run was made with, and what it took. */
export interface Job {
  readonly seed: number
  readonly device: string
  /** How parameters are stored. */
  readonly dtype: string
  readonly params: number
  readonly paramBytes: number
  /** The most that the device held at once in this process, a resumed run's since it was resumed. */
  readonly peakBytes: number
}

/** The object of --json. */
export interface Outcome extends Job {
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

export const outcomeOf = (job: Job, records: readonly LogRecord[], times: readonly LogRecord[]): Outcome => ({
  ...job,
  sft: figures(records, 'sft-exam'),
  grpo: figures(records, 'grpo-exam'),
  seconds: Math.round(times.reduce((s, t) => s + (typeof t['total'] === 'number' ? t['total'] : 0), 0) / 100) / 10,
})
