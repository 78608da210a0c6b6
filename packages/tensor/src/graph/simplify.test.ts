import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Data, data, hostArray, mismatch, positiveDims, programs, shapes, tolerances } from '@adjoint/testing'
import type { DType, HostArray } from '../base/dtype.ts'
import { evaluate, evaluateWith } from './evaluate.ts'
import { apply, type Expr, type Primitive } from './expr.ts'
import { toposort } from './walk.ts'
import * as p from '../primitives/index.ts'
import { structureKey } from './key.ts'
import { simplify } from './simplify.ts'

const parameters = (inputs: readonly Data[]): readonly Expr[] => inputs.map((x) => p.parameter(x))
/** The values of both graphs at the same inputs. */
const sameMeaning = (roots: readonly Expr[], exprs: readonly Expr[], inputs: readonly Data[]): void => {
  const given = new Map(exprs.map((e, i) => [e, inputs[i]!]))
  const before = evaluateWith(roots, given)
  const after = evaluateWith(simplify(roots), given)
  roots.forEach((root, i) => {
    expect(after[i]!.shape).toEqual(root.shape)
    expect(after[i]!.dtype).toBe(root.dtype)
    // constants folded in single precision differ from those computed in double
    expect(mismatch(after[i]!.data, before[i]!.data, tolerances.f32)).toBeNull()
  })
}
const count = (roots: readonly Expr[]): number => toposort(roots).length

const x = p.parameter({ shape: [2, 3], dtype: 'f32' })
const y = p.parameter({ shape: [2, 3], dtype: 'f32' })

describe('simplify', () => {
  it('preserves the meaning of random programs, with no more nodes, and leaves nothing for a second time', () => {
    fc.assert(
      fc.property(programs({ maxSteps: 20 }), ({ inputs, build }) => {
        const exprs = parameters(inputs)
        const roots = build(exprs.map((e) => p.input(e)))
        sameMeaning(roots, exprs, inputs)
        const once = simplify(roots)
        expect(count(once)).toBeLessThanOrEqual(count(roots))
        simplify(once).forEach((again, i) => expect(again).toBe(once[i]))
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  const scalars = fc.record({ op: fc.nat(21), x: fc.nat(40), y: fc.nat(40), c: fc.nat(40) })
  const arithmetic = (dtype: DType): readonly ((x: Expr, y: Expr, c: Expr) => Expr)[] => [
    p.add,
    p.sub,
    p.mul,
    (x, y, c) => p.where(p.eq(x, c), x, y),
    (x, y, c) => p.where(p.not(p.lt(y, c)), x, y),
    (x, y, c) => p.where(p.and(p.lt(x, y), p.not(p.not(p.eq(c, c)))), x, c),
    (x, y) => p.where(p.or(p.lt(x, y), p.xor(p.ge(x, y), p.fill(x.shape, 'bool', 0))), x, y),
    (x) => p.div(x, p.fillLike(x, 1)),
    (x) => p.reduceSum(p.broadcastTo(p.reshape(x, [1, 1, ...x.shape]), [1, 2, ...x.shape]), [0, 1]),
    (x) => p.reduceMax(p.reshape(x, [1, ...x.shape]), [0]),
    (x, y) => (dtype === 'f32' ? p.maximum(x, y) : p.or(x, y)),
    (x, y) => (dtype === 'f32' ? p.minimum(x, y) : p.and(x, y)),
    (x, y) => (dtype === 'f32' ? p.sub(p.neg(x), p.neg(y)) : p.xor(x, y)),
    (x, y) => (dtype === 'u32' ? x : p.neg(p.sub(x, y))),
    (x, y) => (dtype === 'u32' ? y : p.add(x, p.neg(p.neg(p.neg(y))))),
    (x) => (dtype === 'f32' ? p.pow(x, p.fillLike(x, 2)) : p.shl(x, p.fillLike(x, 0))),
  ]
  for (const dtype of ['f32', 'i32', 'u32'] as const)
    it(`preserves arithmetic with zeros, ones and shared operands on ${dtype}`, () => {
      fc.assert(
        fc.property(
          shapes({ maxRank: 2, dim: positiveDims }).chain((shape) =>
            fc.tuple(data(shape, dtype), data(shape, dtype), fc.array(scalars, { minLength: 1, maxLength: 8 })),
          ),
          ([x, y, steps]) => {
            const exprs = parameters([x, y])
            const values = [...exprs, ...[0, 1, 2].map((v) => p.fillLike(x, v))]
            const ops = arithmetic(dtype)
            for (const s of steps) {
              const at = (i: number): Expr => values[i % values.length]!
              values.push(ops[s.op % ops.length]!(at(s.x), at(s.y), at(s.c)))
            }
            sameMeaning(values.slice(5), exprs, [x, y])
          },
        ),
        { seed: 2, numRuns: 300 },
      )
    })

  const moves: readonly ((x: Expr, n: number) => Expr)[] = [
    (x, n) => p.moveAxis(x, n % x.shape.length, (n >> 2) % x.shape.length),
    (x, n) => p.flip(x, [n % x.shape.length]),
    (x, n) => p.sliceAxis(x, n % x.shape.length, 0, Math.max(1, x.shape[n % x.shape.length]! - 1)),
    (x, n) =>
      p.pad(
        x,
        x.shape.map((_, i) => Number(i === n % x.shape.length)),
        x.shape.map(() => 0),
      ),
    (x, n) => p.reshape(x, [...x.shape].toSpliced(n % x.shape.length, 0, 1)),
    (x) => p.reshape(x, [x.shape.reduce((a, b) => a * b, 1)]),
    (x, n) => p.concat([x, p.fillLike(x, 0)], n % x.shape.length),
    (x, n) => p.concat([p.sliceAxis(x, n % x.shape.length, 0, 0), x], n % x.shape.length),
    (x) => p.broadcastTo(p.reshape(x, [1, ...x.shape]), [2, ...x.shape]),
  ]
  it('preserves chains of movement', () => {
    fc.assert(
      fc.property(
        shapes({ minRank: 1, dim: positiveDims }).chain((shape) => data(shape)),
        fc.array(fc.tuple(fc.nat(moves.length - 1), fc.nat(30)), { minLength: 1, maxLength: 6 }),
        (x, steps) => {
          const exprs = parameters([x])
          const made = (start: Expr): Expr => steps.reduce((e, [op, n]) => moves[op]!(e, n), start)
          sameMeaning([made(exprs[0]!), made(p.fillLike(x, 0)), made(p.fillLike(x, 3))], exprs, [x])
        },
      ),
      { seed: 3, numRuns: 300 },
    )
  })

  const zero = p.fillLike(x, 0)
  const minusZero = p.fillLike(x, -0)
  const [m, n] = [p.parameter({ shape: [2, 3], dtype: 'i32' }), p.fill([2, 3], 'i32', 0)]
  const one = p.fillLike(x, 1)
  const cond = p.gt(x, y)
  const sum = p.add(x, y)
  const box = p.parameter({ shape: [2, 3, 4], dtype: 'f32' })
  const examples: readonly (readonly [string, Expr, Expr])[] = [
    ['m + 0', p.add(m, n), m],
    ['0 + m', p.add(n, m), m],
    ['0 - m', p.sub(n, m), p.neg(m)],
    ['x + 0 is 0 where x is -0', p.add(x, zero), p.add(x, zero)],
    ['x + -0', p.add(x, minusZero), x],
    ['x - 0', p.sub(x, zero), x],
    ['x - -0 is 0 where x is -0', p.sub(x, minusZero), p.sub(x, minusZero)],
    ['0 - x is 0 where x is 0', p.sub(zero, x), p.sub(zero, x)],
    ['-0 - x', p.sub(minusZero, x), p.neg(x)],
    ['a pad of -0 is not all 0', p.pad(minusZero, [1, 0], [0, 0]), p.pad(minusZero, [1, 0], [0, 0])],
    ['x and -0 in a row', p.concat([zero, minusZero], 0), p.concat([zero, minusZero], 0)],
    ['the product of an even number of -0', p.reduceProd(minusZero, [0]), p.reduceProd(minusZero, [0])],
    ['the sum of -0 begins at 0', p.reduceSum(minusZero, [0]), p.fill([3], 'f32', 0)],
    ['2 x, scaled', p.scaled(p.fillLike(x, 2), x), p.mul(p.fillLike(x, 2), x)],
    ['0 x, scaled', p.scaled(zero, x), zero],
    ['0 / x, divided', p.divided(zero, x), zero],
    ['x 2, scaled', p.scaled(x, p.fillLike(x, 2)), p.mul(x, p.fillLike(x, 2))],
    ['x / 2, divided', p.divided(x, p.fillLike(x, 2)), p.div(x, p.fillLike(x, 2))],
    ['x inf, scaled, is 0 where x is', p.scaled(x, p.fillLike(x, Infinity)), p.scaled(x, p.fillLike(x, Infinity))],
    ['x / 0, divided, is 0 where x is', p.divided(x, zero), p.divided(x, zero)],
    ['x y, scaled', p.scaled(x, y), p.scaled(x, y)],
    ['x * 1', p.mul(x, one), x],
    ['x * 0 is NaN where x is not finite', p.mul(x, zero), p.mul(x, zero)],
    ['x / 1', p.div(x, one), x],
    ['- - x', p.neg(p.neg(x)), x],
    ['x + -y', p.add(x, p.neg(y)), p.sub(x, y)],
    ['x - -y', p.sub(x, p.neg(y)), p.add(x, y)],
    ['-(x - y) is -0 where they are equal', p.neg(p.sub(x, y)), p.neg(p.sub(x, y))],
    ['x ^ 2', p.pow(x, p.fillLike(x, 2)), p.mul(x, x)],
    ['operands in either order are one', p.sub(p.add(x, y), p.add(y, x)), p.sub(sum, sum)],
    ['1 + 1, through a broadcast', p.add(p.broadcastTo(p.fill([1, 3], 'f32', 1), [2, 3]), one), p.fillLike(x, 2)],
    ['where true', p.where(p.eq(one, one), x, y), x],
    ['where both alike', p.where(cond, p.sub(x, zero), x), x],
    ['where not', p.where(p.not(cond), x, y), p.where(cond, y, x)],
    ['reshape of reshape', p.reshape(p.reshape(x, [6]), [3, 2]), p.reshape(x, [3, 2])],
    ['reshape there and back', p.reshape(p.reshape(x, [6]), [2, 3]), x],
    ['transpose of transpose', p.transpose(p.transpose(x, [1, 0]), [1, 0]), x],
    ['rotation of rotation', p.transpose(p.transpose(box, [1, 2, 0]), [0, 2, 1]), p.transpose(box, [1, 0, 2])],
    ['transpose of size 1', p.transpose(p.reshape(x, [2, 1, 3]), [1, 0, 2]), p.reshape(x, [1, 2, 3])],
    ['slice of slice', p.sliceAxis(p.sliceAxis(x, 1, 1, 3), 1, 1, 2), p.sliceAxis(x, 1, 2, 3)],
    ['flip twice', p.flip(p.flip(x, [0, 1]), [0]), p.flip(x, [1])],
    ['sum over size 1', p.reduceSum(p.reshape(x, [2, 1, 3]), [1]), x],
    ['sum of a number', p.reduceSum(p.fillLike(x, 2), [1]), p.fill([2], 'f32', 6)],
    ['input', p.sin(p.input(x)), p.sin(x)],
    ['stopGradient', p.sin(p.stopGradient(x)), p.sin(x)],
    ['cast there', p.cast('f32', p.cast('f32', x)), x],
    ['scatter of nothing', p.scatterAdd(x, p.fill([3], 'i32', 0), p.fill([2, 3], 'f32', -0), 1), x],
    ['write of the whole', p.dynamicUpdateSlice(x, y, [p.fill([], 'i32', 0), p.fill([], 'i32', 0)]), y],
    ['log 0 is kept', p.log(zero), p.log(zero)],
  ]
  it.each(examples)('%s', (_, before, after) => {
    expect(structureKey([x, y, box, m], simplify([before]))).toBe(structureKey([x, y, box, m], [after]))
  })

  it('makes equal expressions one node, and equal numbers too, but never two parameters', () => {
    const [a, b] = simplify([p.exp(p.add(x, p.fillLike(x, 2))), p.exp(p.add(x, p.fillLike(x, 2)))])
    expect(a).toBe(b)
    const [c, d] = simplify([p.fillLike(x, -0), p.fillLike(x, 0)])
    expect(c).not.toBe(d)
    const [e, f] = simplify([x, y])
    expect([e, f]).toEqual([x, y])
    expect(e).not.toBe(f)
    const [array, equal] = [new Float32Array(6), new Float32Array(6)]
    const held = (data: Float32Array, shape: readonly number[]): Expr => p.constant(data, shape, 'f32')
    expect(count(simplify([held(array, [2, 3]), held(array, [2, 3]), held(array, [6]), held(equal, [2, 3])]))).toBe(3)
  })

  it('keeps what is ordered after something else apart', () => {
    const again = p.exp(p.after(x, y))
    expect(count(simplify([p.exp(x), again]))).toBe(5)
  })

  it('sees through an identity it has never met', () => {
    const own: Primitive<null> = {
      ...p.inputP,
      name: 'own',
      lower: { kind: 'pointwise', at: (index, arg) => arg(0, index) },
    }
    const flipped: Primitive<null> = {
      ...own,
      name: 'flipped',
      lower: { kind: 'pointwise', at: (index, arg) => arg(0, [...index].reverse()) },
    }
    const square = p.parameter({ shape: [3, 3], dtype: 'f32' })
    expect(simplify([apply(own, [square, x], null)])[0]).toBe(square)
    expect(count(simplify([apply(flipped, [square], null)]))).toBe(2)
  })

  it('keeps the place in the program', () => {
    const made = p.add(p.mul(x, one), y)
    expect(simplify([made])[0]!.node.site).toBe(made.node.site)
  })

  it('walks fifty thousand nodes in linear time', () => {
    let e = p.constant(Float32Array.of(1), [1], 'f32')
    for (let i = 0; i < 25_000; i++) e = p.sin(p.sub(e, p.fill([1], 'f32', i % 7)))
    const started = performance.now()
    const simple = simplify([e])
    expect(performance.now() - started).toBeLessThan(3_000)
    // the constant, 25,000 sines, the differences but those with zero, and six numbers
    expect(count(simple)).toBe(1 + 25_000 + 25_000 - Math.ceil(25_000 / 7) + 6)
    expect(mismatch(evaluate(simple)[0]!.data, evaluate([e])[0]!.data, tolerances.double)).toBeNull()
  })
})

describe('structureKey', () => {
  const build = (a: Expr, b: Expr, value: number): Expr => p.mul(p.add(a, b), p.fillLike(a, value))
  const other = (): Expr => p.parameter({ shape: [2, 3], dtype: 'f32' })
  it('is equal for the same program over other leaves, and for no other program', () => {
    const [a, b] = [other(), other()]
    expect(structureKey([a, b], [build(a, b, 2)])).toBe(structureKey([x, y], [build(x, y, 2)]))
    const keys = [
      structureKey([x, y], [build(x, y, 2)]),
      structureKey([x, y], [build(x, y, 3)]),
      structureKey([x, y], [build(y, x, 2)]),
      structureKey([y, x], [build(x, x, 2)]),
      structureKey([x], [build(x, x, 2)]),
      structureKey([x, y], [build(x, y, 2), x]),
      structureKey([x, y], [build(x, y, NaN)]),
      structureKey([x, y], [build(x, y, Infinity)]),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })
  it('tells embedded data by identity', () => {
    const one = (): HostArray => hostArray({ shape: [1], dtype: 'f32', data: Float64Array.of(1) })
    const made = (data: HostArray): Expr => p.sin(p.constant(data, [1], 'f32'))
    const known = one()
    expect(structureKey([], [made(known)])).toBe(structureKey([], [made(known)]))
    expect(structureKey([], [made(known)])).not.toBe(structureKey([], [made(one())]))
  })
})
