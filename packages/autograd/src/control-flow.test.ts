/** Control flow under every transformation: a scan is its rounds written out, whatever is done to it. */
import {
  add,
  cond,
  cos,
  div,
  foriLoop,
  gt,
  lt,
  matmul,
  mul,
  neg,
  scalar,
  scan,
  sin,
  slice,
  stack,
  sub,
  sum,
  tanh,
  tensor,
  whileLoop,
  type Scalar,
  type Tensor,
  jit,
  wasmDevice,
} from '@adjoint/tensor'
import { evaluate, type Expr } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { checkGrads } from './check.ts'
import { checkpoint } from './checkpoint.ts'
import { customJvp } from './custom-jvp.ts'
import { customVjp } from './custom.ts'
import { grad, valueAndGrad } from './grad.ts'
import { hvp, jacobian } from './jacobian.ts'
import { jvp } from './jvp.ts'
import { vmap } from './vmap.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const close = (got: readonly number[], want: readonly number[]): void => {
  expect(got).toHaveLength(want.length)
  got.forEach((g, i) => expect(g).toBeCloseTo(want[i]!, 10))
}
type Vec = Tensor<readonly [2], 'f32'>
type Mat = Tensor<readonly [2, 2], 'f32'>
const w = tensor([0.3, -0.8, 0.5, 0.2], [2, 2])
const h0 = tensor([0.1, -0.2], [2])
const xs = tensor([1, 2, -1, 0.5, 0.3, -0.7], [3, 2])

const cell =
  (v: Mat) =>
  (h: Vec, x: Vec): readonly [Vec, Vec] => {
    const next: Vec = tanh(add(matmul(v, h), x))
    return [next, mul(next, sin(x))]
  }
/** An RNN by scan, and the same written out. */
const scanned = (keep: 'values' | 'carries') => (v: Mat, h: Vec, x: typeof xs) => scan(cell(v), { keep })(h, x)
const written = (v: Mat, h: Vec, x: typeof xs) => {
  let now = h
  const ys: Vec[] = []
  for (let i = 0; i < 3; i++) {
    const row = tensorRow(x, i)
    const [next, y] = cell(v)(now, row)
    now = next
    ys.push(y)
  }
  return [now, stack(0)(ys)] as const
}
const tensorRow = (x: typeof xs, i: number): Vec => sum({ axis: 0 })(slice([i, 0], [i + 1, 2])(x)) as unknown as Vec
type Run = (v: Mat, h: Vec, x: typeof xs) => readonly [Tensor, Tensor]
const loss =
  (run: Run) =>
  (v: Mat, h: Vec, x: typeof xs): Scalar => {
    const [last, ys] = run(v, h, x)
    return add(sum()(mul(last, last)), sum()(mul(sin(ys), ys))) as Scalar
  }

describe.each(['values', 'carries'] as const)('a scan that keeps %s is its rounds written out', (keep) => {
  const run = scanned(keep) as unknown as Run
  const plain = written as unknown as Run
  test('in value', () => {
    run(w, h0, xs).forEach((y, i) => close(values(y), values(plain(w, h0, xs)[i]!)))
  })
  test('in gradients, by what it closes over, its first carry and its rows', () => {
    for (const argnums of [0, 1, 2]) {
      const of = (r: Run) => values((grad(loss(r), { argnums }) as unknown as (...a: unknown[]) => Expr)(w, h0, xs))
      close(of(run), of(plain))
    }
  })
  test('in forward mode, second derivatives, under vmap and checkpoint', () => {
    const f = (r: Run) => (v: Mat) => loss(r)(v, h0, xs)
    const t = tensor([1, -1, 0.5, 2], [2, 2])
    close(values(jvp(f(run))(w, t)[1]), values(jvp(f(plain))(w, t)[1]))
    close(values(hvp(f(run))(w, t)), values(hvp(f(plain))(w, t)))
    close(values(grad((v: Mat) => sum()(mul(grad(f(run))(v), t)))(w)), values(hvp(f(plain))(w, t)))
    const many = tensor([1, 2, -1, 0.5, 0.3, -0.7, 1, 1, 0, 0, 2, 2], [2, 3, 2])
    const each = (r: Run) => vmap((x: typeof xs) => grad((v: Mat) => loss(r)(v, h0, x))(w))(many)
    close(values(each(run)), values(each(plain)))
    const overW = (r: Run) => grad((m: typeof many) => sum()(vmap((x: typeof xs) => loss(r)(w, h0, x))(m)))(many)
    close(values(overW(run)), values(overW(plain)))
    close(values(grad(checkpoint(f(run)))(w)), values(grad(f(plain))(w)))
  })
})

test('a scan in a scan, and gradients to third order', () => {
  const inner = (a: Scalar) => (c: Scalar) =>
    scan((y: Scalar, x: Scalar) => [sin(mul(add(y, x), a)), y] as const)(c, tensor([0.1, 0.2, 0.3]))
  const outer = (a: Scalar) => {
    const [last, ys] = scan((c: Scalar, b: Scalar) => {
      const [end, all] = inner(mul(a, b))(c)
      return [end, sum()(all)] as const
    })(scalar(0.5), tensor([1, 2]))
    return add(last, sum()(ys)) as Scalar
  }
  checkGrads(outer, { order: 3 })(scalar(0.7))
  const want = (a: number): number => {
    let c = 0.5
    let total = 0
    for (const b of [1, 2])
      for (const x of [0.1, 0.2, 0.3]) {
        total += c
        c = Math.sin((c + x) * a * b)
      }
    return total + c
  }
  expect(values(outer(scalar(0.7)))[0]).toBeCloseTo(want(Math.fround(0.7)), 6)
})

test('foriLoop, reversed scans, no rows, no carry', () => {
  const f = (x: Scalar) => foriLoop(5, (_, y: Scalar) => mul(y, sin(x)) as Scalar)(x)
  close(
    values(grad(f)(scalar(0.4))),
    values(
      grad((x: Scalar) => mul(x, mul(mul(mul(sin(x), sin(x)), mul(sin(x), sin(x))), sin(x))) as Scalar)(scalar(0.4)),
    ),
  )
  const [last, all] = scan((c: Scalar, x: Scalar) => [add(c, x) as Scalar, c] as const, { reverse: true })(
    scalar(0),
    tensor([1, 2, 4]),
  )
  expect([values(last), values(all)]).toEqual([[7], [6, 4, 0]])
  const [none, empty] = scan((c: Scalar, x: Scalar) => [add(c, x) as Scalar, c] as const)(scalar(3), tensor([], [0]))
  expect([values(none), empty.shape]).toEqual([[3], [0]])
  const [, squares] = scan((_: null, x: Scalar) => [null, mul(x, x) as Scalar] as const)(null, tensor([1, 2, 3]))
  expect(values(squares)).toEqual([1, 4, 9])
})

describe('whileLoop', () => {
  const root = (a: Scalar): Scalar =>
    whileLoop(
      ([x, before]: readonly [Scalar, Scalar]) => gt(mul(sub(x, before), sub(x, before)), 1e-12) as Scalar<'bool'>,
      ([x]) => [mul(0.5, add(x, div(a, x))) as Scalar, x] as const,
    )([a, scalar(-1)])[0]
  test('runs until its test fails; forward mode; an error in reverse mode', () => {
    const doubled = (x: Scalar): Scalar =>
      whileLoop(
        (y: Scalar) => lt(y, 100) as Scalar<'bool'>,
        (y) => mul(y, x) as Scalar,
      )(x)
    expect(values(doubled(scalar(3)))).toEqual([243])
    expect(values(jvp(doubled)(scalar(3), scalar(1))[1])).toEqual([5 * 81])
    expect(() => grad(doubled)(scalar(3))).toThrow(/whileLoop: has no reverse mode/)
    const each = vmap((x: Scalar) => doubled(x))(tensor([2, 3, 200]))
    expect(values(each)).toEqual([128, 243, 200])
    expect(values(vmap((x: Scalar) => jvp(doubled)(x, scalar(1))[1])(tensor([2, 3, 200])))).toEqual([7 * 64, 5 * 81, 1])
    expect(values(root(scalar(2)))[0]).toBeCloseTo(Math.SQRT2, 5)
  })
})

test('a loop within a loop does not run on members of a batch that have ended, for which it might have no end', () => {
  // x minus the first multiple of x that is at least 1; with x below 0 there is none
  const step = (x: Scalar): Scalar =>
    sub(
      x,
      whileLoop(
        (z: Scalar) => lt(z, 1),
        (z) => add(z, x),
      )(x),
    )
  const f = (x: Scalar): Scalar => whileLoop((y: Scalar) => gt(y, 0), step)(x)
  const xs = [0.5, 4, 0.25, -1]
  close(
    values(vmap(f)(tensor(xs))),
    xs.map((x) => values(f(scalar(x)))[0]!),
  )
  const slope = (x: Scalar): Scalar => jvp(f)(x, scalar(1))[1]
  close(
    values(vmap(slope)(tensor(xs))),
    xs.map((x) => values(slope(scalar(x)))[0]!),
  )
})

describe('cond', () => {
  const f = (x: Scalar): Scalar =>
    cond(
      gt(x, 0) as Scalar<'bool'>,
      (v: Scalar) => mul(v, sin(v)) as Scalar,
      (v: Scalar) => cos(v) as Scalar,
    )(x)
  test('in value and every derivative, batched too', () => {
    const g = (x: number): number => (x > 0 ? x * Math.sin(x) : Math.cos(x))
    for (const x of [0.5, -0.5]) {
      expect(values(f(scalar(x)))[0]).toBeCloseTo(g(x), 6)
      checkGrads(f, { order: 2 })(scalar(x))
    }
    const both = tensor([0.5, -0.5, 2])
    close(
      values(vmap(f)(both)),
      [0.5, -0.5, 2].map((x) => values(f(scalar(x)))[0]!),
    )
    close(
      values(vmap(grad(f))(both)),
      [0.5, -0.5, 2].map((x) => values(grad(f)(scalar(x)))[0]!),
    )
    close(
      values(jacobian(vmap(f))(both)).filter((_, i) => i % 4 === 0),
      values(vmap(grad(f))(both)),
    )
  })
  test('a branch that cannot end where it is not chosen does not run', () => {
    const h = (x: Scalar): Scalar =>
      cond(
        gt(x, 0) as Scalar<'bool'>,
        (v: Scalar) =>
          whileLoop(
            (y: Scalar) => lt(y, 10) as Scalar<'bool'>,
            (y) => add(y, v) as Scalar,
          )(v),
        (v: Scalar) => neg(v) as Scalar,
      )(x)
    expect(values(h(scalar(3)))).toEqual([12])
    expect(values(h(scalar(-3)))).toEqual([3])
    expect(values(vmap(h)(tensor([3, -3, 0])))).toEqual([12, 3, -0])
    expect(values(vmap(h)(tensor([-1, -2])))).toEqual([1, 2])
    expect(values(vmap(vmap(h))(tensor([[3], [-3]])))).toEqual([12, 3])
    expect(values(vmap((x: Scalar) => jvp(h)(x, scalar(1))[1])(tensor([3, -3])))).toEqual([4, -1])
  })
})

test('a value, what is returned beside it, and gradients come from one loop forward and one backward', () => {
  const device = wasmDevice()
  const of = (v: Mat) => {
    const [last, ys] = scan(cell(v))(h0, xs)
    return [sum()(mul(last, last)) as Scalar, { ys, name: 'rnn' }] as const
  }
  const step = jit(
    (v: Mat) => {
      const [[value, { ys, name }], slope] = valueAndGrad(of, { hasAux: true })(v)
      expect(name).toBe('rnn')
      return [value, ys, slope]
    },
    { device },
  )
  expect(step.program(w)!.steps.filter(({ kind }) => kind === 'loop')).toHaveLength(2)
})

describe('what nobody differentiates may be what cannot be differentiated', () => {
  const weights = tensor([1, 2, 3], [3])
  type Three = Tensor<readonly [3], 'f32'>
  const byVjp = customVjp(
    (x: Three) => mul(x, weights),
    (x: Three) => [mul(x, weights), null] as const,
    (_, ct) => [mul(ct, weights)] as const,
  )
  const byJvp = customJvp(
    (x: Three) => mul(x, weights),
    ([x], [t]) => [mul(x, weights), mul(t, weights)] as const,
  )
  const ones = tensor([1, 1, 1], [3])
  const slope = (f: (x: Three) => Three): readonly number[] => values(grad((x: Three) => sum()(f(x)) as Scalar)(ones))
  test.each([byVjp, byJvp])('a constant that the rule of a custom derivative closes over, within a graph', (rule) => {
    expect(slope((x) => foriLoop(2, (_, c: Three) => rule(c))(x))).toEqual([1, 4, 9])
    expect(
      slope((x) =>
        cond(
          gt(sum()(x), 0) as Scalar<'bool'>,
          (c: Three) => rule(c),
          (c: Three) => c,
        )(x),
      ),
    ).toEqual([1, 2, 3])
    expect(slope((x) => jit((c: Three) => rule(c))(x))).toEqual([1, 2, 3])
    expect(slope((x) => checkpoint((c: Three) => rule(c))(x))).toEqual([1, 2, 3])
    expect(() =>
      slope((x) =>
        foriLoop(2, (_, c: Three) =>
          customVjp(
            () => mul(c, weights),
            () => [mul(c, weights), null] as const,
            () => [] as const,
          )(),
        )(x),
      ),
    ).toThrow(/closes over a tensor that is being differentiated/)
  })
  test('a carry that does not depend on what is differentiated, and that a whileLoop changes', () => {
    const f = (x: Scalar): Scalar =>
      foriLoop(2, (_, [c, n]: readonly [Scalar, Scalar]) => {
        const next = whileLoop(
          (z: Scalar) => lt(z, 5) as Scalar<'bool'>,
          (z) => add(z, 2) as Scalar,
        )(sub(n, 3))
        return [mul(c, n), next] as const
      })([x, scalar(2)])[0]
    // 2 x, then 5 times that
    expect(values(grad(f)(scalar(2)))).toEqual([10])
    expect(values(vmap(grad(f))(tensor([2, 3])))).toEqual([10, 10])
  })
})
