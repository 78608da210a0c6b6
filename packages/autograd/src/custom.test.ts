import {
  add,
  cast,
  exp,
  log,
  minimum,
  mul,
  neg,
  ones,
  onesLike,
  oneHot,
  scalar,
  sigmoid,
  sin,
  softmax,
  stopGradient,
  sub,
  sum,
  takeAlongAxis,
  logSoftmax,
  tensor,
  zeros,
  zerosLike,
  expandDims,
  type Scalar,
  type Tensor,
  type Tree,
} from '@adjoint/tensor'
import { evaluate, type Expr } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { checkGrads } from './check.ts'
import { checkpoint } from './checkpoint.ts'
import { customVjp } from './custom.ts'
import { grad } from './grad.ts'
import { jacobian } from './jacobian.ts'
import { jvp } from './jvp.ts'
import { vjp } from './vjp.ts'
import { vmap } from './vmap.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
type Vec<N extends number> = Tensor<readonly [N], 'f32'>
const close = (got: readonly number[], want: readonly number[]): void => {
  expect(got).toHaveLength(want.length)
  got.forEach((g, i) => {
    expect(g).toBeCloseTo(want[i]!, 10)
  })
}

describe('customVjp', () => {
  // log(1 + e^x): the plain derivative is e^x / (1 + e^x), NaN for large x
  const plain = (x: Scalar): Scalar => log(add(exp(x), 1))
  const stable = customVjp(
    plain,
    (x: Scalar) => [plain(x), x] as const,
    (x, ct) => [mul(ct, sigmoid(x))] as const,
  )

  test('its rule is the derivative, its value that of the function', () => {
    expect(values(grad(stable)(scalar(1000)))).toEqual([1])
    close(values(stable(scalar(0.5))), values(plain(scalar(0.5))))
    close(values(grad(stable)(scalar(0.5))), values(grad(plain)(scalar(0.5))))
  })

  test('under grad of grad, jvp, vmap, checkpoint, in every order', () => {
    checkGrads((x: Scalar) => mul(stable(x), stable(mul(x, x))), { order: 3 })(scalar(0.5))
    const xs = tensor([-1, 0.5, 2], [3])
    const want = values(vmap(grad(plain))(xs))
    close(values(vmap(grad(stable))(xs)), want)
    close(values(grad((v: Vec<3>) => sum()(vmap(stable)(v)))(xs)), want)
    close(values(jvp((v: Vec<3>) => vmap(stable)(v))(xs, ones([3]))[1]), want)
    close(values(vmap((x: Scalar) => jvp(stable)(x, scalar(1))[1])(xs)), want)
    close(values(vmap(grad(checkpoint(stable)))(xs)), want)
    close(values(jacobian(vmap(grad(stable)))(xs)), values(jacobian(vmap(grad(plain)))(xs)))
  })

  test('several arguments and results, trees, integers with null; results used apart', () => {
    type P = { readonly a: Scalar; readonly b: Vec<2> }
    const f = (p: P, n: Tensor<readonly [], 'i32'>) => ({
      product: mul(mul(p.a, p.b), cast('f32')(n)),
      square: mul(p.a, p.a),
      n,
    })
    const rule = customVjp(
      f,
      (p: P, n: Tensor<readonly [], 'i32'>) => [f(p, n), { p, n }] as const,
      ({ p, n }, ct) => {
        const k = cast('f32')(n)
        return [
          {
            a: add(mul(k, sum()(mul(ct.product, p.b))), mul(2, mul(ct.square, p.a))),
            b: mul(k, mul(ct.product, p.a)),
          },
          null,
        ]
      },
    )
    const three = scalar(3, 'i32')
    const p: P = { a: scalar(2), b: tensor([5, 7], [2]) }
    const uses: readonly ((r: ReturnType<typeof f>) => Scalar)[] = [
      (r) => sum()(r.product),
      (r) => r.square,
      (r) => mul(r.square, sum()(sin(r.product))),
    ]
    for (const use of uses) {
      const [got, want] = [rule, f].map((g) => grad((q: P) => use(g(q, three)))(p))
      close(values(got!.a), values(want!.a))
      close(values(got!.b), values(want!.b))
      const bs = tensor([1, 2, 3, 4], [2, 2])
      const [gotAll, wantAll] = [rule, f].map((g) =>
        vmap((b: Vec<2>) => grad((q: P) => use(g(q, three)))({ ...p, b }).b)(bs),
      )
      close(values(gotAll!), values(wantAll!))
    }
    expect(values(rule(p, three).n)).toEqual([3])
  })

  test('the rule may be other than the derivative: a clipped cotangent', () => {
    const clipped = customVjp(
      (x: Vec<2>) => x,
      (x: Vec<2>) => [x, null] as const,
      (_, ct) => [minimum(ct, 1)] as const,
    )
    expect(values(vjp(clipped)(zeros([2]))[1](tensor([0.5, 3], [2])))).toEqual([0.5, 1])
  })

  test('closing over data is free: curried cross-entropy, also where the labels are mapped', () => {
    const xent = (label: Tensor<readonly [], 'i32'>): ((logits: Vec<3>) => Scalar) => {
      const nll = (z: Vec<3>): Scalar => neg(sum()(takeAlongAxis(-1)(logSoftmax(-1)(z), expandDims(0)(label))))
      return customVjp(
        nll,
        (z: Vec<3>) => [nll(z), softmax(-1)(z)] as const,
        (p, ct) => [mul(ct, sub(p, oneHot(3)(label)))] as const,
      )
    }
    const logits = tensor([1, 2, 3, 3, 2, 1], [2, 3])
    const labels = tensor([2, 0], 'i32')
    const loss = (z: Tensor<readonly [2, 3], 'f32'>): Scalar =>
      sum()(vmap((row: Vec<3>, label: Tensor<readonly [], 'i32'>) => xent(label)(row))(z, labels))
    checkGrads(loss)(logits)
  })

  test('closing over what is differentiated is an error, not a zero; stopGradient makes it data', () => {
    const scaled = (k: Scalar): ((x: Scalar) => Scalar) =>
      customVjp(
        (x: Scalar) => mul(k, x),
        (x: Scalar) => [mul(k, x), null] as const,
        (_, ct) => [mul(ct, k)] as const,
      )
    const inner = (k: Scalar): Scalar => scaled(k)(scalar(2))
    expect(() => values(grad(inner)(scalar(3)))).toThrow(/customVjp: the function closes over a tensor/)
    expect(() => values(jvp(inner)(scalar(3), scalar(1))[1])).toThrow(/customVjp: the function closes over a tensor/)
    expect(values(grad((k: Scalar) => mul(k, scaled(stopGradient(k))(scalar(2))))(scalar(3)))).toEqual([6])
    expect(values(grad((x: Scalar) => scaled(scalar(3))(x))(scalar(2)))).toEqual([3])
  })

  test('a rule that returns something else is told', () => {
    const wrong = (ct: unknown): (() => unknown) => {
      const f = customVjp(
        (x: Vec<2>) => x,
        (x: Vec<2>) => [x, null] as const,
        () => ct as readonly [Tree & Vec<2>],
      )
      return () => grad((x: Vec<2>) => sum()(f(x)))(zeros([2]))
    }
    expect(wrong([zeros([3])])).toThrow(/customVjp\(f32\[3\]\): the cotangent at 0 belongs to a f32\[2\]/)
    expect(wrong([])).toThrow(/bwd returned 0 cotangents for 1 arguments/)
    expect(wrong(zeros([2]))).toThrow(/bwd returned no list/)
    expect(wrong([[zeros([2])]])).toThrow(/built unlike its primal at 0/)
  })
})

test('what is given for an integer is null or zeros: anything else would go nowhere', () => {
  type Count = Tensor<readonly [number], 'i32'>
  const of = (given: (n: Count, x: Scalar) => unknown): readonly number[] => {
    const f = (x: Scalar, { n }: { n: Count }): Scalar => mul(x, sum()(cast('f32')(n)))
    const rule = customVjp(
      f,
      (x: Scalar, { n }: { n: Count }) => [f(x, { n }), n] as const,
      (n, ct) => [mul(ct, 7), { n: given(n, ct) }] as never,
    )
    return values(grad(rule)(scalar(2), { n: tensor([3, 4], 'i32') }))
  }
  for (const none of [() => null, () => undefined, (n: Count) => zerosLike(n), () => zeros([2])])
    expect(of(none)).toEqual([7])
  for (const lost of [(n: Count) => n, (n: Count) => onesLike(n), (_: Count, ct: Scalar) => ct, () => [zeros([2])]])
    expect(() => of(lost)).toThrow(
      /customVjp.*: the cotangent at 1\.n belongs to a i32\[2\], and integers have no derivatives. Give null there/,
    )
  // the zeros that a rule receives for an integer result may be handed on
  const pair = (x: Scalar, n: Count) => ({ y: x, n })
  const through = customVjp(
    pair,
    (x: Scalar, n: Count) => [pair(x, n), null] as const,
    (_, ct) => [ct.y, ct.n] as const,
  )
  expect(values(grad((x: Scalar) => through(x, tensor([1, 2], 'i32')).y)(scalar(2)))).toEqual([1])
})
