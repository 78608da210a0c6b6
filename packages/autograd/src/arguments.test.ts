// What was forgotten or cannot be differentiated is an error of the transformation, where it is called.
import { cast, mul, ones, scalar, sum, tensor, type Scalar, type Tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, it } from 'vitest'
import * as autograd from './index.ts'

type Any = (...args: readonly unknown[]) => never
const x = ones([2])
const loss = (v: Tensor): Scalar => sum()(cast('f32')(v))
const transformations = ['grad', 'valueAndGrad', 'vjp', 'jvp', 'linearize', 'jacobian', 'jacfwd', 'hessian'] as const
/** A transformation of `loss`, called as plain JavaScript may. */
const of = (name: (typeof transformations)[number], f: unknown = loss): Any => (autograd[name] as Any)(f)
const tangents = (name: string, v: unknown): readonly unknown[] => (name === 'jvp' ? [v, v] : [v])

describe.each(transformations)('%s', (name) => {
  it.each([
    ['i32', tensor([1, 2], 'i32')],
    ['bool', tensor([true, false])],
  ] as const)('of %s', (dtype, v) => {
    expect(() => of(name)(...tangents(name, v))).toThrow(
      `is ${dtype}, and only floating point has derivatives. Close over it`,
    )
  })
  it('of a tree with an integer names it', () => {
    const tree = { a: x, n: [tensor([1], 'i32')] }
    const f = (p: typeof tree): Scalar => sum()(p.a)
    expect(() => of(name, f)(...tangents(name, tree))).toThrow(/n\.0 is i32/)
  })
  it('of an argument that was forgotten', () => {
    expect(() => of(name)(...tangents(name, undefined))).toThrow('argument 0 is undefined')
  })
  it('of what is no function', () => {
    expect(() => of(name, x)).toThrow('takes a function, not a tensor.')
    expect(() => of(name, null)).toThrow('takes a function, not null')
  })
})

describe('directions', () => {
  const f = (v: Tensor): Tensor => mul(v, v)
  it('that were forgotten are no zeros; null is', () => {
    const [, pullback] = autograd.vjp(f)(x)
    expect(() => (pullback as Any)()).toThrow(
      'vjp: the cotangent is undefined. Pass one like its primal, or null for zeros',
    )
    expect(() => (pullback as Any)(null)).not.toThrow()
    expect(() => (autograd.jvp(f) as Any)(x, undefined)).toThrow('jvp: the tangent at 0 is undefined')
    expect(() => (autograd.hvp(loss as never) as Any)(x)).toThrow('the tangent at 0 is undefined')
    expect(() => (autograd.jvp(f) as Any)(x, null)).not.toThrow()
  })
  it('that are integers do not fit', () => {
    const [, pullback] = autograd.vjp(f)(x)
    expect(() => pullback(tensor([1, 2], 'i32'))).toThrow('A cotangent has the shape of its primal, and its dtype')
  })
})

describe('results', () => {
  it('that are integers, or none, have no gradient', () => {
    expect(() => of('grad', (v: Tensor) => sum()(cast('i32')(v)))(x)).toThrow(
      'only a scalar f32 function has a gradient',
    )
    expect(() => of('grad', () => undefined)(x)).toThrow('must return one scalar tensor, and returned undefined')
  })
  it('checkGrads refuses to check nothing', () => {
    expect(() => autograd.checkGrads((v: Tensor) => v)(tensor([1], 'i32'))).toThrow('no argument is floating point')
    expect(() => autograd.checkGrads((v: Tensor) => cast('i32')(v))(x)).toThrow('no result is floating point')
    expect(() => (autograd.checkGrads(loss as never) as Any)()).toThrow('checkGrads: no argument to differentiate')
  })
  it('customVjp names what its rules do not return', () => {
    const custom = (fwd: unknown, bwd: unknown): Any => (autograd.customVjp as Any)(loss, fwd, bwd)
    const pair = (v: Tensor): unknown => [loss(v), null]
    expect(() =>
      of(
        'grad',
        custom(loss, () => [null]),
      )(x),
    ).toThrow('customVjp: fwd must return a pair')
    expect(() =>
      of(
        'grad',
        custom(pair, () => [undefined]),
      )(x),
    ).toThrow('customVjp: the cotangent at 0 is undefined')
    expect(() =>
      of(
        'grad',
        custom(pair, () => scalar(1)),
      )(x),
    ).toThrow('customVjp: bwd returned no list')
    expect(() => custom(pair, undefined)).toThrow('customVjp: bwd: takes a function, not undefined')
  })
})

describe('lists that are changed after they were given', () => {
  it('argnums', () => {
    const argnums: [number] = [0]
    const f = autograd.grad((p: Scalar, q: Scalar) => mul(p, q), { argnums })
    argnums[0] = 1
    expect(evaluate(f(scalar(2), scalar(3))).map(({ data }) => data[0])).toEqual([3])
  })
  it('mapped axes, in records too', () => {
    const inAxes = [{ p: [0] }]
    const outAxes = [0]
    const f = autograd.vmap(({ p }: { p: readonly [Tensor] }) => [sum()(p[0])], { inAxes, outAxes })
    inAxes[0]!.p[0] = 1
    outAxes[0] = 1
    expect(f({ p: [ones([2, 3])] })[0]!.shape).toEqual([2])
  })
})

it('a function that is differentiated is not async, and prints what it is given as an argument', () => {
  expect(() => of('grad', () => Promise.resolve(scalar(1)))(x)).toThrow(
    'grad: the function must return one scalar tensor, and returned a promise. It must not be async',
  )
  let seen = ''
  autograd.grad((v: typeof x) => {
    seen = String(v)
    return loss(v)
  })(x)
  expect(seen).toBe('Tensor f32[2], an argument of a function that is traced')
})
