/** Nodes that compute nothing, and say how transformations and the scheduler must see what is below them. */
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { align } from './broadcast.ts'

/** An identity with a node of its own. */
const identity = <P = null>(name: string, passes: boolean, stored?: 'everywhere' | 'unreproducible'): Primitive<P> => {
  const self: Primitive<P> = single<P>({
    name,
    shape: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    vjp: (ct) => [passes ? ct : null],
    batch: ([x], _, __, params) => apply(self, [x!], params),
    lower: { kind: 'pointwise', at: (index, arg) => arg(0, index), ...(stored === undefined ? {} : { stored }) },
    evaluate: ([x]) => x!.data,
  })
  return self
}

export const stopGradientP = identity('stopGradient', false)
/** x, as a constant of every derivative. */
export const stopGradient = (x: Expr): Expr => apply(stopGradientP, [x], null)

export const inputP = identity('input', true)
/** x as the thing differentiated or batched: a fresh node, so that nested transformations do not confuse theirs. */
export const input = (x: Expr): Expr => apply(inputP, [x], null)

export const storedP = identity('stored', true, 'unreproducible')
/**
 * x, rounded once: what is compared with itself (to sort, to find where the largest stands) must not be computed here with a
 * fused multiply-add and there without, or an element is neither before, nor equal to, nor after itself.
 */
export const stored = (x: Expr): Expr => apply(storedP, [x], null)

export const materializedP = identity('materialized', true, 'everywhere')
/** x, made once, for readers that read each element many times. */
export const materialized = (x: Expr): Expr => apply(materializedP, [x], null)

/** What a value is called. */
export interface NamedParams {
  readonly name: string
}
export const namedP = identity<NamedParams>('named', true)
/** x, called so: a checkpoint may keep it by that name. */
export const named = (x: Expr, name: string): Expr => apply(namedP, [x], { name })

export const afterP: Primitive<null> = single({
  name: 'after',
  shape: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  vjp: (ct) => [ct, null],
  batch: ([x, dependency], [batched], size) => after(align([x!], [batched === true], size)[0]!, dependency!),
  lower: { kind: 'after' },
  evaluate: ([x]) => x!.data,
})
/** x, computed no earlier than `dependency`: how a recomputation waits for the cotangent that asks for it. */
export const after = (x: Expr, dependency: Expr): Expr => apply(afterP, [x, dependency], null)
