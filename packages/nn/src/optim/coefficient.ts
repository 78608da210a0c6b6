/**
 * Numbers that configure an optimizer: known when it is made, or scalars of the program, so that a compiled step serves all
 * their values. What is known is checked where it is given.
 */
import { add, isTensor, mul, scalar, type Scalar, sub } from '@adjoint/tensor'
import { shown } from '@adjoint/tensor/ir'
import type { Floats } from '../layer.ts'

/** A number, or a scalar that only the program knows. */
export type Coefficient = number | Scalar

/** 1 - b. */
export const complement = (b: Coefficient): Coefficient => (typeof b === 'number' ? 1 - b : sub(1, b))

/** As a tensor. */
export const scalarOf = (c: Coefficient): Scalar => (typeof c === 'number' ? scalar(c) : c)

/** c x. */
export const times = (x: Floats, c: Coefficient): Floats => (typeof c === 'number' ? mul(x, c) : mul(x, c))

/** x + c. */
export const plus = (x: Floats, c: Coefficient): Floats => (typeof c === 'number' ? add(x, c) : add(x, c))

// Types say that these are numbers or tensors; configurations also come from files.
const demand = (op: string, values: Readonly<Record<string, unknown>>, holds: (x: number) => boolean, fix: string) => {
  for (const [name, value] of Object.entries(values)) {
    if (isTensor(value)) continue
    if (typeof value !== 'number' || !holds(value))
      throw new RangeError(`${op}: ${name} is ${typeof value === 'number' ? value : shown(value)}. ${fix}`)
  }
}

/** Throws RangeError for a known one that is NaN or infinite. */
export const demandFinite = (op: string, values: Readonly<Record<string, unknown>>): void => {
  demand(op, values, Number.isFinite, 'Give a finite number.')
}

/** Throws RangeError for a known one that is below 0 or no finite number. */
export const demandRate = (op: string, values: Readonly<Record<string, unknown>>): void => {
  const fix =
    'Give a finite number of 0 or more, such as 1e-3: an update goes down the gradient. To go up, differentiate the negative.'
  demand(op, values, (x) => x >= 0 && x < Infinity, fix)
}

/** Throws RangeError for a known one outside [0, 1). */
export const demandDecay = (op: string, values: Readonly<Record<string, unknown>>): void => {
  demand(op, values, (b) => b >= 0 && b < 1, 'Choose a decay from 0 to below 1.')
}

/** Throws RangeError for a known one below 0. */
export const demandSmall = (op: string, values: Readonly<Record<string, unknown>>): void => {
  demand(op, values, (eps) => eps >= 0 && eps < Infinity, 'Choose a small positive number, such as 1e-8.')
}

/** Throws RangeError for a known one that is not positive. */
export const demandPositive = (op: string, values: Readonly<Record<string, unknown>>): void => {
  demand(op, values, (x) => x > 0, 'Give a positive number.')
}
