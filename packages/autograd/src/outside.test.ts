// A primitive written outside of the package, with an algebra and a lowering of its own: it is differentiated, batched, simplified
// and compiled as if it stood within.
import {
  add,
  jit,
  mul,
  neg,
  readAsync,
  scalar,
  stack,
  sum,
  tensor,
  wasmDevice,
  zeros,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import {
  algebra,
  apply,
  applyAll,
  demands,
  evaluate,
  primitives as p,
  scalars,
  simplify,
  single,
  toposort,
  typed,
  type Expr,
  type Primitive,
  type ScalarExpr,
} from '@adjoint/tensor/ir'
import {
  between,
  checkLaw,
  close,
  data,
  hostArray,
  laws,
  mismatch,
  presentDevices,
  type RandomProgram,
  type Sample,
  shapes,
  tolerances,
} from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkpoint } from './checkpoint.ts'
import { customVjp } from './custom.ts'
import { grad } from './grad.ts'
import { hvp } from './jacobian.ts'
import { jvp } from './jvp.ts'
import { vmap } from './vmap.ts'

/** sqrt(x^2 + y^2), of what squared would overflow too: m sqrt(1 + (n / m)^2), m the larger and n the smaller size. */
const hypotOf = (x: number, y: number): number => {
  const [m, n] = [Math.max(Math.abs(x), Math.abs(y)), Math.min(Math.abs(x), Math.abs(y))]
  return m === 0 || m === Infinity ? m : m * Math.sqrt(1 + (n / m) ** 2)
}
const { binary, constant, select, unary } = scalars
const hypotScalar = (x: ScalarExpr, y: ScalarExpr): ScalarExpr => {
  const [a, b] = [unary('abs', x), unary('abs', y)]
  const [m, n] = [binary('max', a, b), binary('min', a, b)]
  const ratio = binary('div', n, m)
  const root = unary('sqrt', binary('add', constant('f32', 1), binary('mul', ratio, ratio)))
  const alone = binary('or', binary('eq', m, constant('f32', 0)), unary('isinf', m))
  return select(alone, m, binary('mul', m, root))
}
/** The size of an operand that stands alone, or whose sign does not count. */
const withoutSign: algebra.Rule = ({ node: { args } }) => {
  const [x, y] = [args[0]!, args[1]!]
  if (algebra.isFill(y, 0)) return p.abs(x)
  if (algebra.isFill(x, 0)) return p.abs(y)
  if (algebra.isOf(x, p.negP)) return raw(algebra.first(x), y)
  return algebra.isOf(y, p.negP) ? raw(x, algebra.first(y)) : null
}
const hypotP: Primitive<null> = single({
  name: 'hypot',
  shape: (args) => {
    const [x, y] = [args[0]!, args[1]!]
    demands.demandDType('hypot', args, x, demands.floats)
    demands.demandSameDType('hypot', args, x, y)
    demands.demandSameShape('hypot', args, x, y)
    return x
  },
  // x x' / out, which is 0 at the origin
  vjp: (ct, out) => out.node.args.map((x) => p.divided(p.scaled(ct, x), out)),
  batch: (args, batched, size) => apply(hypotP, p.align(args, batched, size), null),
  simplify: algebra.rules(algebra.fold, withoutSign),
  commutes: true,
  lower: { kind: 'pointwise', at: (index, arg) => hypotScalar(arg(0, index), arg(1, index)) },
  evaluate: ([x, y]) => x!.data.map((v, i) => hypotOf(v, y!.data[i]!)),
})
const raw = (x: Expr, y: Expr): Expr => apply(hypotP, [x, y], null)
type F32 = Tensor<readonly number[], 'f32'>
const hypot = (x: F32, y: F32): F32 => typed(raw(x, y))

describe('laws of differentiation hold of a primitive from outside', () => {
  const away = fc.tuple(fc.boolean(), between(0.2, 2)).map(([minus, x]) => (minus ? -x : x))
  const build: RandomProgram['build'] = ([x, y]) => [raw(raw(x!, y!), p.neg(p.sin(y!))), raw(y!, x!)]
  const samples: fc.Arbitrary<Sample> = shapes({ maxRank: 2 }).chain((shape) => {
    const point = fc.tuple(data(shape, 'f32', away), data(shape, 'f32', away))
    return fc.record({
      program: point.map((inputs) => ({ inputs, build, steps: [] })),
      others: fc.tuple(point, point),
      tangent: point,
      mapped: fc.constantFrom([true, true], [true, false], [false, true]),
      seed: fc.nat(1000),
    })
  })
  it.each(laws.map((law) => [law.name, law] as const))('%s', (_, law) => {
    checkLaw({ ...law, arbitrary: samples }, { numRuns: 20 })
  })
})

describe('the algebra of a primitive from outside', () => {
  const [x, y] = [p.parameter({ shape: [3], dtype: 'f32' }), p.parameter({ shape: [3], dtype: 'f32' })]
  const zero = p.fillLike(x, 0)
  it('is its own: fills are folded, signs and zeros are seen through, operands trade places', () => {
    const [folded, alone, other, plain, turned, signed] = simplify([
      raw(p.fillLike(x, 3), p.fillLike(x, -4)),
      raw(x, zero),
      raw(zero, x),
      raw(x, y),
      raw(y, x),
      raw(p.neg(x), p.neg(y)),
    ])
    expect(algebra.fillOf(folded!)).toBe(5)
    expect(alone!.node.prim.name).toBe('abs')
    expect(other).toBe(alone)
    expect(turned).toBe(plain)
    expect(signed).toBe(plain)
  })
  it('is held to give the shape and the dtype of what it simplifies', () => {
    const wrong: Primitive<null> = { ...hypotP, name: 'wrong', simplify: () => [p.fill([2], 'f32', 0)] }
    expect(() => simplify([apply(wrong, [x, y], null)])).toThrow(
      'simplify: the rule of wrong gives f32[2] for f32[3]. A simpler expression has the shape and dtype of what it stands for.',
    )
  })
  it('may leave a node as it is, and know one of several results', () => {
    const same: Primitive<null> = { ...hypotP, name: 'same', simplify: ({ outs }) => outs }
    expect(simplify([apply(same, [x, y], null)])[0]!.node.prim).toBe(same)
    const both: Primitive<null> = {
      ...hypotP,
      name: 'both',
      outs: (args) => [args[0]!, args[0]!],
      lower: { kind: 'composite', expand: ([u, v]) => [u!, v!] },
      simplify: ({ args, outs }) => [args[0]!, outs[1]!],
    }
    const node = apply(both, [x, y], null).node
    const [first, second] = simplify(node.outs)
    expect(first).toBe(x)
    expect(second!.node.prim).toBe(both)
    expect(second!.index).toBe(1)
  })
  it('says by its key which parameters mean the same', () => {
    interface Table {
      readonly values: Float32Array
    }
    const table = (key: boolean): Primitive<Table> =>
      single<Table>({
        name: 'table',
        shape: ([x]) => x!,
        vjp: () => [null],
        batch: ([x], _, __, params) => apply(table(key), [x!], params),
        lower: { kind: 'composite', expand: ([x], { values }) => p.add(x!, p.fillLike(x!, values[0]!)) },
        evaluate: ([x], _, { values }) => x!.data.map((v) => v + values[0]!),
        ...(key ? { key: ({ values }: Table) => values.join() } : {}),
      })
    const nodes = (prim: Primitive<Table>): number =>
      toposort(simplify([1, 1, 2].map((v) => apply(prim, [x], { values: Float32Array.of(v) })))).length
    expect(nodes(table(true))).toBe(3)
    expect(nodes(table(false))).toBe(4)
  })
})

describe('a record of two results from outside', () => {
  type Rules = Partial<Primitive<null>>
  /** x + y and x - y, with some rules replaced. */
  const both = (rules: Rules = {}): Primitive<null> => {
    const self: Primitive<null> = {
      name: 'both',
      outs: ([x]) => [x!, x!],
      vjp: ([s, d], [out]) => {
        const [ct, dt] = [s ?? p.fillLike(out!, 0), d ?? p.fillLike(out!, 0)]
        return [p.add(ct, dt), p.sub(ct, dt)]
      },
      batch: (args, batched, size) => applyAll(self, p.align(args, batched, size), null),
      lower: { kind: 'composite', expand: ([x, y]) => [p.add(x!, y!), p.sub(x!, y!)] },
      evaluate: ([x, y]) => [x!.data.map((v, i) => v + y!.data[i]!), x!.data.map((v, i) => v - y!.data[i]!)],
      ...rules,
    }
    return self
  }
  const x = tensor([1, 2])
  const of = (rules: Rules, k = 0): ((u: Vec) => Vec) => {
    const prim = both(rules)
    return (u) => typed(applyAll(prim, [u, p.mul(u, u)], null)[k]!)
  }
  type Vec = Tensor<readonly [number], 'f32'>
  const slope = (f: (u: Vec) => Vec) => grad((u: Vec) => sum()(f(u)) as Scalar)(x)
  const data = (e: Expr): readonly number[] => [...evaluate([e])[0]!.data]

  it('is differentiated by the result that is asked for', () => {
    expect(data(slope(of({}, 1)))).toEqual([-1, -3])
    expect(data(jvp(of({}, 1))(x, tensor([1, 1]))[1])).toEqual([-1, -3])
    expect(
      data(vmap(grad((u: Scalar) => typed<readonly [], 'f32'>(applyAll(both(), [u, p.mul(u, u)], null)[1]!)))(x)),
    ).toEqual([-1, -3])
  })
  it('is held to what its rules promise', () => {
    const short = (e: Expr): Expr => p.reduceSum(e, [0])
    const forward = (rules: Rules) => (): unknown => jvp(of(rules, 1))(x, x)
    expect(() => slope(of({ vjp: ([ct]) => [ct!] }))).toThrow(/vjp rule of both gave 1 answers for 2 arguments/)
    expect(() => slope(of({ vjp: ([ct]) => [ct!, short(ct!)] }))).toThrow(
      /both gave a f32\[\] for argument 1, a f32\[2\]/,
    )
    expect(() => slope(of({ vjp: ([ct]) => [ct!, ct!, ct!] }))).toThrow(
      /vjp rule of both gave 3 answers for 2 arguments/,
    )
    expect(() => slope(of({ vjp: ([ct]) => [ct!, p.cast('i32', ct!)] }))).toThrow(
      /both gave a i32\[2\] for argument 1, a f32\[2\]/,
    )
    expect(() => slope(of({ vjp: (() => undefined) as never }))).toThrow(/vjp rule of both gave no list/)
    expect(forward({ jvp: ([t]) => [t!] })).toThrow(/jvp rule of both gave 1 answers for 2 results/)
    expect(forward({ jvp: ([t]) => [t!, short(t!)] })).toThrow(/jvp rule of both gave a f32\[\] for result 1/)
    expect(() => slope(of({ saving: ([u]) => apply(p.negP, [short(u!)], null).node }))).toThrow(
      /saving rule of both gave 1 answers for 2 results/,
    )
    expect(() => data(of({ evaluate: ([u]) => [u!.data] })(x))).toThrow(
      /evaluate rule of both gave nothing for result 1/,
    )
    expect(() => data(of({ evaluate: ([u]) => [u!.data, new Float64Array(1)] })(x))).toThrow(
      /gave 1 elements for result 1/,
    )
    const compiled = (rules: Rules) => (): unknown => jit(of(rules), { device: wasmDevice() }).program(x)
    expect(compiled({ lower: { kind: 'composite', expand: ([u]) => [u!] } })).toThrow(
      /expand rule of both gave 1 answers/,
    )
    expect(compiled({ lower: { kind: 'composite', expand: ([u]) => [u!, short(u!)] } })).toThrow(
      /gave a f32\[\] for result 1/,
    )
    expect(() => of({ lower: { kind: 'pointwise', at: (index, arg) => arg(0, index) } })(x)).toThrow(
      /both: 2 results of a pointwise lowering, which says how to compute one/,
    )
  })
})

const devices = await presentDevices()
describe.each(devices.map((device) => [device.kind, device] as const))(
  'a primitive from outside on %s',
  (_, device) => {
    const point = (seed: number): F32 => {
      const values = Float32Array.from({ length: 6 }, (__, i) => Math.sin(1 + i + seed) * 2 + 0.1)
      return tensor(hostArray({ shape: [6], dtype: 'f32', data: Float64Array.from(values) }), [6], 'f32')
    }
    const loss = (x: F32, y: F32): Scalar => sum()(mul(hypot(x, y), hypot(neg(y), hypot(x, y))))
    const rule = customVjp(
      (x: F32) => hypot(x, add(x, 1)),
      (x: F32) => [hypot(x, add(x, 1)), x] as const,
      (x, ct) => [hypot(ct, x)] as const,
    )
    const all = (x: F32, y: F32): readonly Tensor[] => [
      hypot(x, y),
      grad(loss)(x, y),
      jvp((u: F32) => hypot(u, y))(x, y)[1],
      hvp((u: F32) => loss(u, y))(x, y),
      vmap((u: F32) => hypot(u, y))(stack(0)([x, y])),
      vmap(grad(loss))(stack(0)([x, y]), stack(0)([y, x])),
      grad((u: F32) => checkpoint((v: F32) => loss(v, y))(u))(x),
      grad((u: F32) => sum()(rule(u)) as Scalar)(x),
      hypot(x, zeros([6])),
    ]
    it('gives under jit what it gives on the reference, under every transformation', async () => {
      const [x, y] = [point(0), point(10)]
      const expected = evaluate([...all(x, y), hypot(x, y)])
      const actual = jit((u: F32, v: F32) => [...all(u, v), jit(hypot)(u, v)], { device })(x, y)
      for (const [i, result] of actual.entries()) {
        const got = await readAsync(result)
        expect(mismatch(got, expected[i]!.data, tolerances.f32Long), `result ${i}`).toBeNull()
      }
    })
    it('is one kernel with what surrounds it, and does not overflow', async () => {
      const f = jit((x: F32, y: F32) => add(mul(hypot(x, y), 2), 1), { device })
      const large = tensor([3e30, -3e-30, 0, 3], [4])
      const other = tensor([-4e30, 4e-30, 0, Infinity], [4])
      const got = await readAsync(f(large, other))
      const wanted = [1e31, 1, 1, Infinity]
      wanted.forEach((v, i) => {
        expect(close(got[i]!, v, tolerances.f32), `${got[i]!} instead of ${v}`).toBe(true)
      })
      const program = f.program(large, other)
      if (program !== null) expect(program.steps.filter((s) => s.kind === 'kernel')).toHaveLength(1)
      expect(
        (await readAsync(jit((s: Scalar) => typed<readonly [], 'f32'>(raw(s, s)), { device })(scalar(1))))[0],
      ).toBeCloseTo(Math.SQRT2, 6)
    })
  },
)
