/** What primitives demand of their operands, and the errors when they do not get it. */
import type { DType } from '../base/dtype.ts'
import { DTypeError, ShapeError } from '../base/errors.ts'
import type { Aval } from '../graph/expr.ts'
import { sameShape, type Shape } from '../base/shape.ts'

export const floats: readonly DType[] = ['f32']
export const integers: readonly DType[] = ['i32', 'u32']
export const numbers: readonly DType[] = ['f32', 'i32', 'u32']
export const signed: readonly DType[] = ['f32', 'i32']
export const bits: readonly DType[] = ['i32', 'u32', 'bool']
export const any: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool']

export const demandDType = (op: string, operands: readonly Aval[], of: Aval, accepts: readonly DType[]): void => {
  if (accepts.includes(of.dtype)) return
  throw new DTypeError({
    op,
    operands,
    rule: `takes ${accepts.join(', ')}, not ${of.dtype}`,
    fix: `Convert with cast('${accepts[0]!}').`,
  })
}

export const demandSameDType = (op: string, operands: readonly Aval[], p: Aval, q: Aval): void => {
  if (p.dtype === q.dtype) return
  throw new DTypeError({
    op,
    operands,
    rule: `the operands have different dtypes, ${p.dtype} and ${q.dtype}`,
    fix: `Convert one with cast('${p.dtype}') or cast('${q.dtype}').`,
  })
}

export const demandSameShape = (op: string, operands: readonly Aval[], p: Aval, q: Aval): void => {
  if (sameShape(p.shape, q.shape)) return
  throw new ShapeError({
    op,
    operands,
    rule: `the shapes differ, and this primitive does not broadcast`,
    fix: 'Bring both to one shape with broadcastTo.',
  })
}

/** Two operands of one shape and of one dtype among those accepted: the shape and dtype of what is made of each pair. */
export const demandPairs = (op: string, operands: readonly Aval[], accepts: readonly DType[]): Aval => {
  const [x, y] = [operands[0]!, operands[1]!]
  demandSameDType(op, operands, x, y)
  demandDType(op, operands, x, accepts)
  demandSameShape(op, operands, x, y)
  return { shape: x.shape, dtype: x.dtype }
}

/** Throws unless `holds`. */
export const demandShape = (holds: boolean, op: string, operands: readonly Aval[], rule: string, fix: string): void => {
  if (!holds) throw new ShapeError({ op, operands, rule, fix })
}

export const isAxis = (axis: number, rank: number): boolean => Number.isInteger(axis) && axis >= 0 && axis < rank

export const demandAxis = (op: string, operands: readonly Aval[], axis: number, shape: Shape): void =>
  demandShape(
    isAxis(axis, shape.length),
    op,
    operands,
    `axis ${axis} is out of range for rank ${shape.length}`,
    `Give an axis from 0 to ${shape.length - 1}.`,
  )

export const without = (shape: Shape, axes: readonly number[]): Shape => shape.filter((_, i) => !axes.includes(i))
export const replaced = (shape: Shape, axis: number, ...by: Shape): Shape => [
  ...shape.slice(0, axis),
  ...by,
  ...shape.slice(axis + 1),
]
export const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
