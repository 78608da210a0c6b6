/** Errors for what was forgotten, where it was: types say so too, but configurations come from files, and callers from JavaScript. */
import { isTensor, type Shape, ShapeError, type Tensor } from '@adjoint/tensor'

/** Throws RangeError unless all are positive integers. */
export const demandSizes = (op: string, sizes: Readonly<Record<string, unknown>>): void => {
  for (const [name, size] of Object.entries(sizes))
    if (!(Number.isSafeInteger(size) && (size as number) > 0))
      throw new RangeError(`${op}: ${name} is ${String(size)}. Give a positive integer.`)
}

/** Throws TypeError unless it is a key. */
export const demandKey = (op: string, key: unknown): void => {
  if (isTensor(key)) return
  throw new TypeError(`${op}: the key is ${String(key)}. Give a key, such as random.key(0).`)
}

/** Throws ShapeError unless both shapes are equal: nothing here broadcasts. */
export const demandShape = (op: string, x: Tensor, shape: Shape, rule: string, fix: string): void => {
  if (x.shape.length === shape.length && x.shape.every((n, i) => n === shape[i])) return
  throw new ShapeError({ op, operands: [x], rule, fix })
}
