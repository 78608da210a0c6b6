/** Errors for what was forgotten, where it was: types say so too, but configurations come from files, and callers from JavaScript. */
import { isTensor, type Shape, ShapeError, type Tensor } from '@adjoint/tensor'
import { demandTensor, shown } from '@adjoint/tensor/ir'

const said = (value: unknown): string => (isTensor(value) ? 'a tensor' : shown(value))

/** Throws RangeError unless all are positive integers. */
export const demandSizes = (op: string, sizes: Readonly<Record<string, unknown>>): void => {
  for (const [name, size] of Object.entries(sizes))
    if (!(Number.isSafeInteger(size) && (size as number) > 0))
      throw new RangeError(`${op}: ${name} is ${String(size)}. Give a positive integer.`)
}

/** Throws RangeError unless all are finite numbers, which are asked for before any program runs. */
export const demandNumber = (op: string, values: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(values))
    if (!Number.isFinite(value))
      throw new RangeError(
        `${op}: ${name} is ${typeof value === 'number' ? value : said(value)}. Give a finite number.`,
      )
}

/** Throws TypeError unless it is a key. */
export const demandKey = (op: string, key: unknown): void => {
  if (isTensor(key)) return
  throw new TypeError(`${op}: the key is ${said(key)}. Give a key, such as random.key(0).`)
}

/** Throws TypeError unless all are tensors, named by what they are for. */
export const demandTensors = (op: string, values: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(values)) demandTensor(op, name, value)
}

/** Throws TypeError unless `what` is a record with these fields. `fix`: what makes one. */
export const demandFields = (
  op: string,
  what: string,
  value: unknown,
  fields: readonly string[],
  fix: string,
): void => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && fields.every((field) => field in value))
    return
  throw new TypeError(
    `${op}: ${what} is ${said(value)}, ${fields.length === 0 ? 'not an object' : `not { ${fields.join(', ')} }`}. ${fix}`,
  )
}

/** Throws TypeError unless it is the record of parameters that `init` makes. */
export const demandParams = (op: string, params: unknown, fields: readonly string[], init: string): void => {
  demandFields(op, 'the record of its parameters', params, fields, `Give what ${init} makes.`)
}

/** Throws TypeError unless it is a function. */
export const demandFunction = (op: string, what: string, value: unknown, fix: string): void => {
  if (typeof value !== 'function') throw new TypeError(`${op}: ${what} is ${said(value)}, not a function. ${fix}`)
}

/** Throws TypeError unless it is a list of what `fits`. */
export const demandList = (
  op: string,
  what: string,
  value: unknown,
  fits: (item: unknown) => boolean,
  fix: string,
): void => {
  if (!Array.isArray(value)) throw new TypeError(`${op}: ${what} is ${said(value)}, not a list. ${fix}`)
  const odd = value.findIndex((item: unknown) => !fits(item))
  if (odd >= 0) throw new TypeError(`${op}: item ${odd} of ${what} is ${said(value[odd])}. ${fix}`)
}

/** Throws ShapeError unless both shapes are equal: nothing here broadcasts. */
export const demandShape = (op: string, x: Tensor, shape: Shape, rule: string, fix: string): void => {
  if (x.shape.length === shape.length && x.shape.every((n, i) => n === shape[i])) return
  throw new ShapeError({ op, operands: [x], rule, fix })
}

/** Throws ShapeError unless what an initializer drew has these sizes, in their order: the types of parameters say so. */
export const demandDrawn = (op: string, x: Tensor, sizes: Readonly<Record<string, number>>): void => {
  const named = Object.entries(sizes).map(([name, size]) => `${name} ${size}`)
  demandShape(op, x, Object.values(sizes), `init is to draw [${named.join(', ')}]`, 'Draw the shape given.')
}
