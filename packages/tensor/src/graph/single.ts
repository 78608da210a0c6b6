/** Primitives with one result, which are nearly all of them: the record without the lists of one. */
import type { Aval, Expr, Lowering, Primitive, Value } from './expr.ts'

/** How a primitive of one result becomes loops: an expansion gives that result. */
export type SingleLowering<P> =
  | Exclude<Lowering<P>, { readonly kind: 'composite' | 'template' }>
  | (Omit<Extract<Lowering<P>, { readonly kind: 'template' }>, 'expand'> & {
      readonly expand: (args: readonly Expr[], params: P) => Expr
    })
  | { readonly kind: 'composite'; readonly expand: (args: readonly Expr[], params: P) => Expr }

/** The rules of `Primitive`, for one result. */
export interface Single<P> {
  readonly name: string
  /** Shape and dtype of the result. Throws ShapeError or DTypeError. */
  readonly shape: (args: readonly Aval[], params: P) => Aval
  /** Cotangents of the arguments of `out` given the cotangent of `out`; linear in `ct`; null = no gradient flows there. */
  readonly vjp: (ct: Expr, out: Expr, params: P) => readonly (Expr | null)[]
  readonly batch: (args: readonly Expr[], batched: readonly boolean[], size: number, params: P) => Expr
  /** An equal expression with less, given a result whose operands are simple already; null where none is seen. */
  readonly simplify?: (out: Expr, params: NoInfer<P>) => Expr | null
  readonly commutes?: true
  readonly key?: (params: P) => string
  readonly lower: SingleLowering<P>
  readonly evaluate: (args: readonly Value[], out: Aval, params: P) => Float64Array
}

const lowering = <P>(lower: SingleLowering<P>): Lowering<P> =>
  lower.kind === 'composite' || lower.kind === 'template'
    ? { ...lower, expand: (args, params) => [lower.expand(args, params)] }
    : lower

/** The record of a primitive with one result. */
export const single = <P>({
  name,
  shape,
  vjp,
  batch,
  simplify,
  commutes,
  key,
  lower,
  evaluate,
}: Single<P>): Primitive<P> => ({
  name,
  outs: (args, params) => [shape(args, params)],
  vjp: (cts, outs, _, params) => vjp(cts[0]!, outs[0]!, params),
  batch: (args, batched, size, params) => [batch(args, batched, size, params)],
  ...(simplify === undefined
    ? {}
    : {
        simplify: ({ outs }, params) => {
          const next = simplify(outs[0]!, params)
          return next === null ? null : [next]
        },
      }),
  ...(commutes === undefined ? {} : { commutes }),
  ...(key === undefined ? {} : { key }),
  lower: lowering(lower),
  evaluate: (args, outs, params) => [evaluate(args, outs[0]!, params)],
})
