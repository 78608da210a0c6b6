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

/** A bar; phases of several runs may follow each other on it. */
export const progressBar = (): ProgressBar => {
  const bar = new SingleBar({
    format: '{phase} {bar} {value}/{total}  {details}  {eta_formatted} left',
    stream: process.stderr,
    hideCursor: true,
    etaBuffer: 50,
    // Where stderr is a file: a line now and then.
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    barsize: 24,
  })
  let current = ''
  return {
    observe: (progress) => {
      const payload = { phase: printableLine(progress.phase).padEnd(9), details: detailsOf(progress) }
      if (current !== progress.phase) {
        if (current !== '') bar.stop()
        current = progress.phase
        bar.start(progress.steps, progress.step - 1, payload)
      }
      bar.update(progress.step, payload)
    },
    stop: () => bar.stop(),
  }
}
