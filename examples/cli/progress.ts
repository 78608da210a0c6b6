/** A progress bar on stderr: one line a phase. */
import { printableLine, type Progress } from '@adjoint/rl'
import { SingleBar } from 'cli-progress'
import { show } from './table.ts'

/** An observer of runs that draws, and what ends the drawing. */
export interface ProgressBar {
  readonly observe: (progress: Progress) => void
  readonly stop: () => void
}

/** What is worth a glance while a step of SFT or of RL goes by: told by what it measured. */
const detailsOf = ({ metrics, times }: Progress): string => {
  const at = (name: string, digits: number): string => show(metrics[name] ?? NaN, digits)
  if ('reward' in metrics)
    return [
      `reward ${at('reward', 3)}`,
      ...('rewards/correct/mean' in metrics ? [`accuracy ${at('rewards/correct/mean', 3)}`] : []),
      `length ${at('completions/mean_length', 1)}`,
      `${show((1000 * (metrics['num_tokens'] ?? 0)) / (times['step_time'] ?? NaN), 0)} tokens/s`,
    ].join('  ')
  if ('mean_token_accuracy' in metrics) return `loss ${at('loss', 3)}  token accuracy ${at('mean_token_accuracy', 3)}`
  return 'loss' in metrics ? `loss ${at('loss', 3)}` : ''
}

/**
 * Time that is left, from what was done since the bar began: `done` steps of `of` in `ms`. What a run did before it was resumed took
 * no time of this one; before the first step is done there is nothing to tell it by.
 */
export const timeLeft = (done: number, of: number, ms: number): string => {
  if (done <= 0) return '..'
  const seconds = Math.round(((of - done) * ms) / done / 1000)
  const [h, m] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  return h > 0
    ? `${h}h${String(m).padStart(2, '0')}m`
    : m > 0
      ? `${m}m${String(seconds % 60).padStart(2, '0')}s`
      : `${seconds}s`
}

/** A bar; phases of several runs may follow each other on it. */
export const progressBar = (): ProgressBar => {
  const bar = new SingleBar({
    // What a narrow terminal cuts off is at the end.
    format: '{phase} {bar} {value}/{total}  {left} left  {details}',
    stream: process.stderr,
    hideCursor: true,
    // Where stderr is a file: a line now and then.
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    barsize: 16,
  })
  let current = ''
  let began = { step: 0, at: 0 }
  return {
    observe: (progress) => {
      const fresh = current !== progress.phase
      // The first step that is seen is done already: when it began is not known.
      if (fresh) began = { step: progress.step, at: performance.now() }
      const left = timeLeft(progress.step - began.step, progress.steps - began.step, performance.now() - began.at)
      const payload = { phase: printableLine(progress.phase).padEnd(9), left, details: detailsOf(progress) }
      if (fresh) {
        if (current !== '') bar.stop()
        current = progress.phase
        bar.start(progress.steps, progress.step - 1, payload)
      }
      bar.update(progress.step, payload)
    },
    stop: () => bar.stop(),
  }
}
