// The types of transformations: shapes, trees and options as users see them.
import {
  add,
  cast,
  gt,
  jit,
  matmul,
  mul,
  ones,
  scalar,
  softmax,
  sum,
  tensor,
  where,
  zeros,
  type Scalar,
  type Tensor,
  type Tree,
} from '@adjoint/tensor'
import {
  checkpoint,
  customJvp,
  customVjp,
  grad,
  hessian,
  hvp,
  jacfwd,
  jacobian,
  jvp,
  linearize,
  type Tangent,
  type Tangents,
  valueAndGrad,
  vjp,
  vmap,
} from './index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <_T extends true>(): void => undefined

type W = Tensor<readonly [2, 3], 'f32'>
type Params = { readonly w: W; readonly b: Tensor<readonly [3], 'f32'> }
const params: Params = { w: zeros([2, 3]), b: zeros([3]) }
const loss = (p: Params, x: Tensor<readonly [4, 2], 'f32'>, k: number): Scalar =>
  mul(sum()(add(matmul(x, p.w), p.b)), k)

const g = grad(loss)(params, zeros([4, 2]), 2)
same<Equal<typeof g, Params>>()
const [value, g2] = valueAndGrad(loss)(params, zeros([4, 2]), 2)
same<Equal<typeof value, Scalar>>()
same<Equal<typeof g2, Params>>()
const [[, aux], g3] = valueAndGrad((p: Params) => [sum()(p.w), { n: 1 }] as const, { hasAux: true })(params)
same<Equal<typeof aux, { readonly n: 1 }>>()
same<Equal<typeof g3, Params>>()
const gx = grad(loss, { argnums: 1 })(params, zeros([4, 2]), 2)
same<Equal<typeof gx, Tensor<readonly [4, 2], 'f32'>>>()
const [gy, gz] = grad(loss, { argnums: [1, 0] })(params, zeros([4, 2]), 2)
same<Equal<typeof gy, Tensor<readonly [4, 2], 'f32'>>>()
same<Equal<typeof gz, Params>>()
// @ts-expect-error the gradient of a vector
grad((x: Tensor<readonly [2], 'f32'>) => x)
// @ts-expect-error the second argument has another shape
grad(loss)(params, zeros([4, 3]), 2)

const [y, pullback] = vjp((p: Params) => sum({ axis: 0 })(p.w))(params)
same<Equal<typeof y, Tensor<readonly [3], 'f32'>>>()
const ct = pullback(ones([3]))
same<Equal<typeof ct, Params>>()
// @ts-expect-error the cotangent of a [3]
pullback(ones([4]))
const [, pull2] = vjp((a: Scalar, b: W) => mul(a, b))(scalar(1), zeros([2, 3]))
const [da, db] = pull2(zeros([2, 3]))
same<Equal<typeof da, Scalar>>()
same<Equal<typeof db, W>>()

const [, dy] = jvp((p: Params) => sum({ axis: 0 })(p.w))(params, params)
same<Equal<typeof dy, Tensor<readonly [3], 'f32'>>>()
jvp((a: Scalar, b: W) => mul(a, b))(scalar(1), zeros([2, 3]), scalar(1), zeros([2, 3]))
// @ts-expect-error tangents are like the primals
jvp((a: Scalar, b: W) => mul(a, b))(scalar(1), zeros([2, 3]), zeros([2, 3]), scalar(1))

const rows = vmap((x: Tensor<readonly [3], 'f32'>, n: Tensor<readonly [], 'i32'>) => mul(x, cast('f32')(n)))
const stacked = rows(zeros([5, 3]), tensor([1, 2, 3, 4, 5], 'i32'))
same<Equal<typeof stacked, Tensor<readonly [number, 3], 'f32'>>>()
// @ts-expect-error each row has 3 elements
rows(zeros([5, 4]), tensor([1, 2, 3, 4, 5], 'i32'))
const twice = vmap(vmap((x: Scalar) => x))(zeros([2, 3]))
same<Equal<typeof twice, Tensor<readonly [number, number], 'f32'>>>()
const perExample = vmap(grad((x: Scalar) => mul(x, x)))(zeros([7]))
same<Equal<typeof perExample, Tensor<readonly [number], 'f32'>>>()
const moved = vmap((x: Tensor<readonly [3], 'f32'>) => x, { outAxes: 1 })(zeros([5, 3]))
same<Equal<typeof moved, Tensor<readonly number[], 'f32'>>>()

const jac = jacobian((p: Params) => ({ out: sum({ axis: 0 })(p.w) }))(params)
same<Equal<typeof jac.out.w, Tensor<readonly [3, 2, 3], 'f32'>>>()
same<Equal<typeof jac.out.b, Tensor<readonly [3, 3], 'f32'>>>()
const h = hessian((p: Params) => sum()(p.w))(params)
same<Equal<typeof h.w.b, Tensor<readonly [2, 3, 3], 'f32'>>>()
const hv = hvp((p: Params) => sum()(p.w))(params, params)
same<Equal<typeof hv, Params>>()

const layer = checkpoint((p: Params, x: Tensor<readonly [4, 2], 'f32'>) => add(matmul(x, p.w), p.b))
const out = layer(params, zeros([4, 2]))
same<Equal<typeof out, Tensor<readonly [4, 3], 'f32'>>>()

const square = customVjp(
  (x: Scalar) => mul(x, x),
  (x: Scalar) => [mul(x, x), x] as const,
  (x, c) => [mul(mul(c, x), 2)] as const,
)
const squared = square(scalar(2))
same<Equal<typeof squared, Scalar>>()
customVjp(
  (x: Scalar, _n: Tensor<readonly [], 'i32'>) => x,
  (x: Scalar, _n: Tensor<readonly [], 'i32'>) => [x, null] as const,
  // @ts-expect-error one cotangent for two arguments
  (_, c) => [c] as const,
)

// Derivatives of what is stored in two bytes are f32, at any depth of a tree.
type Bf16 = Tensor<readonly [2, 3], 'bf16'>
type Stored = {
  readonly w: Bf16
  readonly layers: readonly [{ readonly b: Tensor<readonly [3], 'f16'>; readonly gate: null }, W]
  extra?: readonly Bf16[] | null
}
type Derived = {
  readonly w: W
  readonly layers: readonly [{ readonly b: Tensor<readonly [3], 'f32'>; readonly gate: null }, W]
  extra?: readonly W[] | null
}
same<Equal<Tangent<Stored>, Derived>>()
same<Equal<Tangent<Params>, Params>>()
same<Equal<Tangent<Tree>, Tree>>()
same<Equal<Tangent<Tensor>, Tensor>>()
same<Equal<Tangent<Tensor<readonly [2], 'i32'>>, Tensor<readonly [2], 'i32'>>>()
const stored: Stored = {
  w: cast('bf16')(zeros([2, 3])),
  layers: [{ b: cast('f16')(zeros([3])), gate: null }, zeros([2, 3])],
}
const lossOf = (p: Stored, k: Scalar<'f16'>): Scalar => mul(sum()(mul(p.w, p.layers[1])), k)
const half = cast('f16')(scalar(2))
const g0 = grad(lossOf)(stored, half)
same<Equal<typeof g0, Derived>>()
const [, gs] = valueAndGrad(lossOf)(stored, half)
same<Equal<typeof gs, Derived>>()
const [gk, gp] = grad(lossOf, { argnums: [1, 0] })(stored, half)
same<Equal<typeof gk, Scalar>>()
same<Equal<typeof gp, Derived>>()
const [narrow, pull3] = vjp((w: Bf16) => ({ y: cast('f16')(sum({ axis: 0 })(w)) }))(stored.w)
same<Equal<typeof narrow, { y: Tensor<readonly [3], 'f16'> }>>()
const dw = pull3({ y: ones([3]) })
same<Equal<typeof dw, W>>()
// @ts-expect-error a cotangent is f32
pull3({ y: cast('f16')(ones([3])) })
const [, dn] = jvp((w: Bf16) => cast('f16')(sum({ axis: 0 })(w)))(stored.w, zeros([2, 3]))
same<Equal<typeof dn, Tensor<readonly [3], 'f32'>>>()
// @ts-expect-error a tangent is f32
jvp((w: Bf16) => w)(stored.w, stored.w)
const [, along] = linearize((w: Bf16, k: Scalar<'f16'>) => mul(w, k))(stored.w, half)
same<Equal<Parameters<typeof along>, [W, Scalar]>>()
const hs = hvp((w: Bf16) => sum()(mul(w, w)))(stored.w, zeros([2, 3]))
same<Equal<typeof hs, W>>()
for (const j of [jacobian, jacfwd])
  same<Equal<ReturnType<ReturnType<typeof j<Bf16, Bf16, []>>>, Tensor<readonly [2, 3, 2, 3], 'f32'>>>()
customVjp(
  (w: Bf16) => cast('bf16')(mul(w, 2)),
  (w: Bf16) => [cast('bf16')(mul(w, 2)), null] as const,
  (_, c) => {
    same<Equal<typeof c, W>>()
    return [mul(c, 2)] as const
  },
)
customJvp(
  (w: Bf16) => cast('bf16')(mul(w, 2)),
  ([w], [t]) => {
    same<Equal<typeof t, W>>()
    return [cast('bf16')(mul(w, 2)), mul(t, 2)] as const
  },
)

// Functions of the packages go through transformations as they are.
const whole = zeros([2, 2])
vmap(softmax(-1))(zeros([4, 2]))
vmap(matmul)(zeros([4, 2, 3]), zeros([4, 3, 2]))
vmap(sum({ axis: -1 }))(zeros([4, 2]))
vmap(mul)(zeros([4, 2]), zeros([4, 2]))
jit(add)(whole, whole)
jit(where)(gt(whole, 0), whole, whole)
vjp(mul)(whole, whole)[1](whole)
jvp(mul)(whole, whole, whole, whole)
linearize(mul)(whole, whole)
checkpoint(mul)(whole, whole)
vjp((x: W, s: Scalar = scalar(2)) => mul(x, s))(zeros([2, 3]))
const [, left] = vjp((x: W, s: Scalar = scalar(2)) => mul(x, s))(zeros([2, 3]))
same<Equal<ReturnType<typeof left>, W>>()
const [, leftTwo] = vjp((x: W, y: W, s?: Scalar) => mul(mul(x, y), s ?? scalar(2)))(zeros([2, 3]), zeros([2, 3]))
same<Equal<ReturnType<typeof leftTwo>, readonly [W, W]>>()
jvp((x: W, s: Scalar = scalar(2)) => mul(x, s))(zeros([2, 3]), zeros([2, 3]))
const [, all] = vjp((...xs: readonly W[]) => xs[0]!)(zeros([2, 3]), zeros([2, 3]))
same<Equal<ReturnType<typeof all>, readonly W[]>>()
vjp(add)(whole, whole)[1](whole)
grad((x: Scalar, y: Scalar) => mul(x, y), { argnums: [0, 1] as readonly number[] })(scalar(1), scalar(2))
const withAux = (x: Scalar): readonly [Scalar, { readonly n: W }] => [x, { n: zeros([2, 3]) }]
const [ga, aux2] = grad(withAux, { hasAux: true })(scalar(1))
same<Equal<typeof ga, Scalar>>()
same<Equal<typeof aux2, { readonly n: W }>>()
// @ts-expect-error only a pair has something beside its value
grad((x: Scalar) => x, { hasAux: true })

// Transformations of a function whose list of arguments is not known yet.
const valueOf =
  <A extends readonly Tree[], B extends Tree>(f: (...args: A) => B) =>
  (...args: A): B =>
    vjp(f)(...args)[0]
const derivativeOf =
  <A extends readonly Tree[], B extends Tree>(f: (...args: A) => B) =>
  (args: A, tangents: Tangents<A>): Tangent<B> =>
    jvp(f)(...args, ...tangents)[1]
const product = (a: Scalar, b: W): W => mul(a, b)
same<Equal<ReturnType<typeof valueOf<[Scalar, W], W>>, (args_0: Scalar, args_1: W) => W>>()
const valued = valueOf(product)(scalar(1), zeros([2, 3]))
same<Equal<typeof valued, W>>()
const derived = derivativeOf(product)([scalar(1), zeros([2, 3])], [scalar(1), zeros([2, 3])])
same<Equal<typeof derived, W>>()
// @ts-expect-error a tangent is like its primal
derivativeOf(product)([scalar(1), zeros([2, 3])], [scalar(1), zeros([3])])
const [, ofEach] = vjp(<A extends readonly Tree[]>(...xs: A): A => xs)(scalar(1), zeros([2, 3]))
same<Equal<ReturnType<typeof ofEach>, readonly [Scalar, W]>>()
