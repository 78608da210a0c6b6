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
const detailsOf = ({ metrics, times }: Progress): readonly string[] => {
  const at = (name: string, digits: number): string => show(metrics[name] ?? NaN, digits)
  if ('reward' in metrics)
    return [
      `reward ${at('reward', 3)}`,
      ...('rewards/correct/mean' in metrics ? [`accuracy ${at('rewards/correct/mean', 3)}`] : []),
      `length ${at('completions/mean_length', 1)}`,
      `${show((1000 * (metrics['num_tokens'] ?? 0)) / (times['step_time'] ?? NaN), 0)} tokens/s`,
    ]
  return [
    ...('loss' in metrics ? [`loss ${at('loss', 3)}`] : []),
    ...('mean_token_accuracy' in metrics ? [`token accuracy ${at('mean_token_accuracy', 3)}`] : []),
  ]
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

/** What a line of the bar tells. */
export interface Told {
  readonly phase: string
  readonly step: number
  readonly steps: number
  /** Time that is left. */
  readonly left: string
  readonly details: readonly string[]
}

/** What stands behind the steps: what is left, or that nothing is. */
const restOf = ({ step, steps, left }: Told): string => (step >= steps ? 'done' : `${left} left`)

const [SHORTEST, LONGEST] = [6, 16]

/** A line of at most so many columns: the bar gives way to the phase's name, the name to the numbers, and of details there are those that fit. */
export const barLine = (columns: number, told: Told): string => {
  const { phase, step, steps, details } = told
  const numbers = ` ${step}/${steps}  ${restOf(told)}`
  const room = columns - numbers.length - 1
  const size = Math.max(SHORTEST, Math.min(LONGEST, room - phase.length))
  const name = phase.length + size > room ? `${phase.slice(0, Math.max(0, room - size - 1))}…` : phase
  const full = steps > 0 ? Math.round((size * Math.min(step, steps)) / steps) : size
  const bar = '█'.repeat(full).padEnd(size, '░')
  return details.reduce(
    (line, detail) => (line.length + 2 + detail.length <= columns ? `${line}  ${detail}` : line),
    `${name.padEnd(Math.min(9, room - size))} ${bar}${numbers}`,
  )
}

/** Where stderr is no terminal, a line is as long as one of those was by default. */
const COLUMNS = 80

/** A bar; phases of several runs may follow each other on it. */
export const progressBar = (): ProgressBar => {
  const stream = process.stderr
  let current = ''
  let told: Told = { phase: '', step: 0, steps: 0, left: '..', details: [] }
  const bar = new SingleBar({
    format: () => barLine(stream.isTTY ? stream.columns : COLUMNS, told),
    stream,
    hideCursor: true,
    // Where stderr is a file: a line now and then.
    noTTYOutput: true,
    notTTYSchedule: 10_000,
  })
  let began = { step: 0, at: 0 }
  return {
    observe: (progress) => {
      const fresh = current !== progress.phase
      // The first step that is seen is done already: when it began is not known.
      if (fresh) began = { step: progress.step, at: performance.now() }
      const left = timeLeft(progress.step - began.step, progress.steps - began.step, performance.now() - began.at)
      if (fresh && current !== '') bar.stop()
      const { step, steps } = progress
      told = { phase: printableLine(progress.phase), step, steps, left, details: detailsOf(progress) }
      if (fresh) {
        current = progress.phase
        bar.start(steps, step - 1)
      }
      bar.update(step)
    },
    stop: () => bar.stop(),
  }
}
