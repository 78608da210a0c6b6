/** Learning rates as data: what a log can say, what an optimizer follows, and what a step has had. */
import { linearSchedule, type Schedule } from '@adjoint/nn'
import { optionsOf } from '@adjoint/tensor/ir'

/** A constant, or a straight line over the steps of a stage. */
export type Rate = number | { readonly from: number; readonly to: number }

/** @internal As optimizers take it, over so many updates. */
export const scheduleOf = (rate: Rate, updates: number): number | Schedule =>
  typeof rate === 'number'
    ? rate
    : linearSchedule({
        ...optionsOf('learningRate', rate, { from: true, to: true }),
        steps: Math.max(1, updates),
      })

/** @internal At the start of step number `step` of `steps`. */
export const rateAt = (rate: Rate, steps: number, step: number): number =>
  typeof rate === 'number' ? rate : rate.from + ((rate.to - rate.from) * step) / Math.max(1, steps)
