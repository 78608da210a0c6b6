/** A progress bar on stderr: one line a phase. */
import type { Progress } from '@adjoint/rl'
import { SingleBar } from 'cli-progress'

const show = (x: number | undefined, digits: number): string => (x === undefined ? '-' : x.toFixed(digits))

const details: Record<string, (p: Progress) => string> = {
  sft: ({ metrics }) => `loss ${show(metrics['loss'], 3)}  token accuracy ${show(metrics['mean_token_accuracy'], 3)}`,
  grpo: ({ metrics, times }) =>
    [
      `reward ${show(metrics['reward'], 3)}`,
      `accuracy ${show(metrics['rewards/correct/mean'], 3)}`,
      `length ${show(metrics['completions/mean_length'], 1)}`,
      `${show((1000 * (metrics['num_tokens'] ?? 0)) / (times['step_time'] ?? NaN), 0)} tokens/s`,
    ].join('  '),
}

/** An observer of a run that draws, and what ends the drawing. */
export const progressBar = (): { readonly observe: (progress: Progress) => void; readonly stop: () => void } => {
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
      const payload = { phase: progress.phase.padEnd(9), details: details[progress.phase]?.(progress) ?? '' }
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
