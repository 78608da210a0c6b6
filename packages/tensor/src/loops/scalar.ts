/** How scalars are made, and walked over: what is known of their operands is used at once. */
import { type DType, dtypes, type Register, registerOf } from '../base/dtype.ts'
import { visitAtoms } from './ix.ts'
import type { BinaryOp, Ix, ReduceOp, Scalar, UnaryOp } from './language.ts'

export type { BinaryOp, ReduceOp, Scalar, UnaryOp } from './language.ts'

/** The value of a reduction over nothing. */
export const emptyReduction = (op: ReduceOp, dtype: DType): number =>
  ({ sum: 0, prod: 1, max: dtypes[dtype].lowest, min: dtypes[dtype].highest })[op]

let count = 0
/** Ids only name nodes (in index keys); no result depends on their values. */
const id = (): number => count++

const comparison: ReadonlySet<BinaryOp> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge'])
const predicate: ReadonlySet<UnaryOp> = new Set(['isnan', 'isinf', 'not'])

/** A dtype stands for its register: what is made is computed with, whatever it was stored as. */
export const constant = (dtype: DType, value: number): Scalar => ({
  id: id(),
  kind: 'const',
  dtype: registerOf(dtype),
  value,
})
export const index = (ix: Ix): Scalar => ({ id: id(), kind: 'index', dtype: 'i32', ix })
export const within = (ix: Ix, lo: number, hi: number): Scalar =>
  ix.lo >= lo && ix.hi < hi
    ? constant('bool', 1)
    : ix.hi < lo || ix.lo >= hi
      ? constant('bool', 0)
      : { id: id(), kind: 'within', dtype: 'bool', ix, lo, hi }
export const load = (buffer: number, at: Ix, dtype: DType): Scalar => ({
  id: id(),
  kind: 'load',
  dtype: registerOf(dtype),
  buffer,
  at,
})
export const reduced = (reduction: number, dtype: DType): Scalar => ({
  id: id(),
  kind: 'reduced',
  dtype: registerOf(dtype),
  reduction,
})
export const unary = (op: UnaryOp, x: Scalar): Scalar => ({
  id: id(),
  kind: 'unary',
  dtype: predicate.has(op) ? 'bool' : x.dtype,
  op,
  x,
})
export const binary = (op: BinaryOp, x: Scalar, y: Scalar): Scalar => ({
  id: id(),
  kind: 'binary',
  dtype: comparison.has(op) ? 'bool' : x.dtype,
  op,
  x,
  y,
})
export const select = (cond: Scalar, x: Scalar, y: Scalar): Scalar =>
  cond.kind === 'const' ? (cond.value === 0 ? y : x) : { id: id(), kind: 'select', dtype: x.dtype, cond, x, y }
const converted = (dtype: Register, x: Scalar): Scalar => (x.dtype === dtype ? x : { id: id(), kind: 'cast', dtype, x })
/** The value as an element of `dtype` would hold it: rounded, where that has fewer bits than its register. */
export const cast = (dtype: DType, x: Scalar): Scalar => {
  const value = converted(registerOf(dtype), x)
  return dtype === 'f16' || dtype === 'bf16' ? unary(dtype, value) : value
}

/** The scalars a scalar reads, those inside its index included. */
export const operands = (s: Scalar): readonly Scalar[] => {
  switch (s.kind) {
    case 'const':
    case 'reduced':
      return []
    case 'index':
    case 'within':
      return indexScalars(s.ix)
    case 'load':
      return indexScalars(s.at)
    case 'unary':
    case 'cast':
      return [s.x]
    case 'binary':
      return [s.x, s.y]
    case 'select':
      return [s.cond, s.x, s.y]
  }
}
const indexScalars = (ix: Ix): readonly Scalar[] => {
  const found: Scalar[] = []
  visitAtoms(
    ix,
    () => undefined,
    (s) => found.push(s),
  )
  return found
}

/** Post-order of everything the roots read: each scalar once, after its operands. */
export const linearize = (roots: readonly Scalar[]): readonly Scalar[] => {
  const done = new Set<Scalar>()
  const order: Scalar[] = []
  const stack: { readonly s: Scalar; readonly reads: readonly Scalar[]; next: number }[] = []
  const push = (s: Scalar): void => {
    if (done.has(s)) return
    done.add(s)
    stack.push({ s, reads: operands(s), next: 0 })
  }
  for (const root of roots) {
    push(root)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const operand = top.reads[top.next++]
      if (operand !== undefined) push(operand)
      else {
        order.push(top.s)
        stack.pop()
      }
    }
  }
  return order
}
