/** Placeholders: what a program, a graph or a transformation is given. */
import { apply, type Aval, type Expr, type Primitive } from './expr.ts'
import { single } from './single.ts'

export const parameterP: Primitive<Aval> = single({
  name: 'parameter',
  shape: (_, { shape, dtype }) => ({ shape, dtype }),
  vjp: () => [],
  batch: () => {
    throw new Error('a node without arguments is shared by the whole batch, so its batch rule is never asked')
  },
  lower: { kind: 'leaf' },
  evaluate: () => {
    throw new Error('a parameter has no value of its own: run its program with an input bound to it')
  },
})
/** A placeholder of a shape and dtype: told from others by identity. */
export const parameter = ({ shape, dtype }: Aval): Expr => apply(parameterP, [], { shape, dtype })
