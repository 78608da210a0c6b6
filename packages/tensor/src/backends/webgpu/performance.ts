/**
 * A program performed: its steps written to the tape in order, loops round by round. What has no loop is one submission, made
 * at once. A loop of very many rounds is handed over in parts, never more than a few ahead of the device; one that a flag ends
 * is handed over in chunks of rounds, and the host asks the flag between them.
 */
import type { Clock } from './clock.ts'
import { CHUNK, type Flag, type GpuStep, type Rounds } from './steps.ts'
import type { Tape } from './tape.ts'

/** Each chunk of rounds is twice as long as the one before, up to so many. */
export const LONGEST = 256

/** What a performance waits for: a word of a buffer, or that the device is not far behind. */
export type Wait = { readonly kind: 'flag'; readonly buffer: number } | { readonly kind: 'pace' }

/** Yields what it must wait for, and is given the answer: whether the flag is set (whatever, for a pace). */
export type Performance = Generator<Wait, void, boolean>

export const perform = function* (steps: readonly GpuStep[], tape: Tape): Performance {
  for (const step of steps)
    switch (step.kind) {
      case 'dispatch':
        if (tape.full()) yield* handOver(tape)
        tape.dispatch(step)
        break
      case 'copy':
        tape.copy(step)
        break
      case 'rounds':
        if (step.flag === null) for (let round = 0; round < step.trips; round++) yield* perform(step.steps, tape)
        else yield* untilClosed(step, step.flag, tape)
    }
}

/** The same step by step: `parts` are those of each step of the program, and the clock is told where each begins and ends. */
export const performTimed = function* (
  parts: readonly (readonly GpuStep[])[],
  tape: Tape,
  { marks }: Pick<Clock, 'marks'>,
): Performance {
  for (const [step, part] of parts.entries()) {
    if (tape.full()) yield* handOver(tape)
    const [only] = part
    if (part.length === 1 && only?.kind === 'dispatch') {
      tape.noted(marks(step, 'both'), only)
      continue
    }
    tape.noted(marks(step, 'begin'), null)
    yield* perform(part, tape)
    tape.noted(marks(step, 'end'), null)
  }
}

function* handOver(tape: Tape): Performance {
  tape.submit()
  yield { kind: 'pace' }
}

function* untilClosed({ steps, trips }: Rounds, { buffer, gate }: Flag, tape: Tape): Performance {
  const ask = { kind: 'flag', buffer } as const
  if (gate === null) {
    for (let round = 0; round < trips && (yield ask); round++) yield* perform(steps, tape)
    return
  }
  for (let round = 0, chunk = CHUNK; round < trips; chunk = Math.min(2 * chunk, LONGEST)) {
    if (round > 0 && !(yield ask)) return
    const end = Math.min(trips, round + chunk)
    for (; round < end; round++) {
      if (tape.full()) yield* handOver(tape)
      tape.dispatch(gate)
      yield* perform(steps, tape)
    }
  }
}
