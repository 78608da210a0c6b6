/** Programmer errors: thrown at construction. Each names the operation, the operands, the rule, and what to do. */
import type { DType } from './dtype.ts'

const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`
export const showAval = (a: { readonly shape: readonly number[]; readonly dtype: DType }): string =>
  `${a.dtype}${show(a.shape)}`

/** What an error says: which operation, its operands, the rule that they break, and what to do. */
export interface Complaint {
  readonly op: string
  readonly operands: readonly { readonly shape: readonly number[]; readonly dtype: DType }[]
  readonly rule: string
  readonly fix: string
}
const text = ({ op, operands, rule, fix }: Complaint): string =>
  `${op}(${operands.map(showAval).join(', ')}): ${rule}. ${fix}`

/** The shapes of the operands do not fit the operation. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
  constructor(complaint: Complaint) {
    super(text(complaint))
  }
}

/** The element types of the operands do not fit the operation. */
export class DTypeError extends Error {
  override readonly name = 'DTypeError'
  constructor(complaint: Complaint) {
    super(text(complaint))
  }
}

/** A value that is not what it should be, in words. */
export const shown = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'number' || typeof value === 'string') return `the ${typeof value} ${value}`
  if (value instanceof Promise) return 'a promise'
  if (typeof value !== 'object') return `a ${typeof value}`
  return 'dtype' in value ? 'a tensor' : 'an object'
}
const wayOut = (value: unknown): string => {
  if (typeof value === 'function') return 'Call it first: an operation takes its configuration, and then its tensors'
  if (value instanceof Promise) return 'Await it first'
  return typeof value === 'number' || Array.isArray(value)
    ? 'Wrap it: scalar(x), tensor(data)'
    : 'Pass a tensor: tensor(data), scalar(x), or what another operation returns'
}
/** What was given for a tensor (`which`: its place) is none: it was forgotten, or is a function that was not called. */
export const notATensor = (op: string, which: string, value: unknown): TypeError =>
  new TypeError(`${op}: ${which} is ${shown(value)}, not a tensor. ${wayOut(value)}.`)

/** Throws TypeError where an option has a value that it does not know: plain JavaScript may pass any. */
export const demandOneOf = (op: string, option: string, value: unknown, choices: readonly string[]): void => {
  if (choices.some((choice) => choice === value)) return
  const names = choices.map((choice) => `'${choice}'`).join(' or ')
  throw new TypeError(`${op}: ${option} is ${shown(value)}. Choose ${names}.`)
}
