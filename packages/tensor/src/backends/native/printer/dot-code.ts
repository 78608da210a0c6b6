/** The code of a dot as it is written: loops over axes of its own, and scalars at places that these give. */
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import type { Block } from './block.ts'
import { axisName, type Frame, frameOf, laneOf, type Named, steps } from './frame.ts'
import { SCRATCH } from './function.ts'

/** Where an axis of the kernel stands; null: where the code has it already. */
export type At = (x: Axis) => Ix | null

export interface DotCode {
  readonly code: Block
  readonly width: number
  /** A new axis of the code. */
  readonly axis: (extent: number) => Axis
  readonly frame: (valid: number, place: At, reduced?: Frame['reduced']) => Frame
  /** A frame for indices over axes of the code alone. */
  readonly plain: Frame
  /** `valid` lanes from `start` on. */
  readonly lane: (start: Ix, valid: number) => Ix
  /** Writes a scalar to floats of scratch. */
  readonly put: (valid: number, at: Ix, place: At, value: DotKernel['a']) => void
  readonly over: (x: Axis, end: string, body: () => void) => void
  /** A block of statements, behind a condition unless it is empty. */
  readonly only: (condition: string, body: () => void) => void
  /** Steps of `by` over a length that is known, what remains last. */
  readonly inSteps: (length: number, by: number, body: (start: Ix, count: number) => void) => void
}

const zero = (): Named => ({ text: 'splat_f(0.0f)', level: 0, varies: false })

export const dotCode = (code: Block, kernel: DotKernel, width: number): DotCode => {
  const scratch = kernel.buffers.length + SCRATCH.indexOf('f32')
  let nextAxis = -2
  const axis = (extent: number): Axis => ({ id: nextAxis--, extent })
  const frame: DotCode['frame'] = (valid, place, reduced = zero) =>
    frameOf(valid, (x) => place(x) ?? I.ofAxis(x), reduced)
  const over: DotCode['over'] = (x, end, body) => {
    const i = axisName(x)
    code.open(`for (long ${i} = 0; ${i} < ${end}; ${i}++)`, [x])
    body()
    code.close()
  }
  const only: DotCode['only'] = (condition, body) => {
    code.open(condition, [])
    body()
    code.close()
  }
  return {
    code,
    width,
    axis,
    frame,
    plain: frame(1, () => null),
    lane: (start, valid) => I.add(start, I.ofAxis(laneOf(valid))),
    put: (valid, at, place, value) =>
      code.stores(frame(valid, place), [{ buffer: scratch, at, value, scope: 'full', mode: 'set' }]),
    over,
    only,
    inSteps: (length, by, body) => {
      const whole = Math.floor(length / by)
      const step = axis(whole)
      if (whole === 1) only('', () => body(I.constant(0), by))
      if (whole > 1) over(step, String(whole), () => body(steps(step, by, 0), by))
      if (length % by !== 0) only('', () => body(I.constant(whole * by), length % by))
    },
  }
}
