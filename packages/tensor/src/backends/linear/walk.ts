/** Goes through a program kernel by kernel. */
import { type DeviceError, DeviceFailure } from '../../graph/device.ts'
import { type Blame, siteOf } from '../blame.ts'
import type { LinearMemory, Run, Walk } from './machine.ts'

const failure = (error: unknown, blame: Blame): DeviceFailure => {
  const why = error instanceof Error ? error.message : String(error)
  const site = siteOf(blame)
  const invalid: DeviceError = {
    _tag: 'Validation',
    message: `${blame.op}: ${why} (asked for at ${site})`,
    op: blame.op,
    site,
  }
  return new DeviceFailure(invalid)
}

/** Where all is: the same for all rounds of a loop. */
const setArguments = (runs: readonly Run[], starts: readonly number[], arena: number): void => {
  for (const step of runs) {
    if (step.kind === 'loop') setArguments(step.runs, starts, arena)
    if (step.kind !== 'kernel') continue
    const { args, buffers } = step
    for (let b = 0; b < buffers.length; b++) args[2 + b] = starts[buffers[b]!]!
    args[args.length - 1] = arena + step.scratch
  }
}

export const walkInTurn =
  (memory: LinearMemory) =>
  (runs: readonly Run[]): Walk =>
  (starts, arena) => {
    /** Runs all in order; gives the kernels that ran. */
    const runSteps = (some: readonly Run[]): number => {
      let kernels = 0
      for (const step of some)
        switch (step.kind) {
          case 'copy':
            memory.copy(starts[step.from]!, starts[step.to]!, step.bytes)
            break
          case 'kernel':
            try {
              step.kernel.call(...step.args)
            } catch (error) {
              throw failure(error, step.blame)
            }
            kernels += step.counts
            break
          case 'loop': {
            const { trips } = step
            const flag = step.flag === null ? null : starts[step.flag]!
            for (let round = 0; round < trips && (flag === null || memory.word(flag) !== 0); round++)
              kernels += runSteps(step.runs)
          }
        }
      return kernels
    }
    setArguments(runs, starts, arena)
    return runSteps(runs)
  }
