/** Programmer errors: thrown at construction. Each names the operation, the operands, the rule, and what to do. */
import type { DType } from './dtype.ts'

const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`
export const showAval = (a: { readonly shape: readonly number[]; readonly dtype: DType }): string =>
  `${a.dtype}${show(a.shape)}`

interface Complaint {
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
