import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import * as p from '../primitives/index.ts'
import { sizeOf } from '../base/shape.ts'
import { playProgram } from './playing.support.ts'
import { host, parallel as many } from './capabilities.support.ts'
import type { Capabilities } from './capabilities.ts'
import type { Computation } from '../graph/device.ts'
import type { Program } from '../loops/program.ts'
import { schedule } from './schedule.ts'

const parallel: Capabilities = { ...many, longestRow: 256, lanes: 512, bindings: 8, slab: 1 << 12 }

const parameterOf = (x: Expr): Expr => p.parameter(x)
const data = (shape: readonly number[], seed: number): Expr =>
  p.constant(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed * 7.3 + i * 1.7) * 2),
    shape,
    'f32',
  )

/** The law: a program computes what its expressions mean. */
const agrees = (
  capabilities: Capabilities,
  f: (...xs: Expr[]) => readonly Expr[],
  args: readonly Expr[],
  donated: readonly boolean[] = args.map(() => false),
): Program => {
  const stands = args.map(parameterOf)
  const graph: Computation = { inputs: stands, outputs: f(...stands), donated }
  const program = schedule(capabilities)(graph)
  const got = playProgram(
    program,
    evaluate(args).map((v) => v.data),
  )
  const want = evaluate(f(...args))
  for (const step of program.steps)
    if (step.kind === 'kernel') expect(step.kernel.buffers.length).toBeLessThanOrEqual(capabilities.bindings)
  got.forEach((g, i) => {
    expect(g.length).toBe(want[i]!.data.length)
    g.forEach((v, j) => {
      const w = want[i]!.data[j]!
      if (!(Object.is(v, w) || Math.abs(v - w) <= 1e-9 * (1 + Math.abs(w))))
        throw new Error(`output ${i} element ${j}: ${v} instead of ${w}`)
    })
  })
  return program
}
const kernels = (program: Program): readonly string[] =>
  program.steps.map((s) => (s.kind === 'kernel' ? `${s.kernel.kind}: ${s.kernel.name}` : 'copy'))

const along = (x: Expr, reduced: Expr): Expr => p.broadcastTo(p.reshape(reduced, [...x.shape.slice(0, -1), 1]), x.shape)
const last = (x: Expr): readonly number[] => [x.shape.length - 1]
const softmax = (x: Expr): Expr => {
  const e = p.exp(p.sub(x, along(x, p.reduceMax(x, last(x)))))
  return p.div(e, along(x, p.reduceSum(e, last(x))))
}
const filled = (x: Expr, v: number): Expr => p.fill(x.shape, x.dtype, v)
const layerNorm = (x: Expr): Expr => {
  const n = x.shape.at(-1)!
  const mean = p.div(p.reduceSum(x, last(x)), p.fill(x.shape.slice(0, -1), 'f32', n))
  const centred = p.sub(x, along(x, mean))
  const variance = p.div(p.reduceSum(p.mul(centred, centred), last(x)), filled(mean, n))
  return p.mul(centred, along(x, p.rsqrt(p.add(variance, filled(variance, 1e-5)))))
}

for (const [name, capabilities] of Object.entries({ host, parallel })) {
  describe(`the schedule means what the expression means (${name})`, () => {
    it('softmax is one kernel', () => {
      const program = agrees(capabilities, (x) => [softmax(x)], [data([2, 3, 8], 1)])
      expect(kernels(program)).toHaveLength(1)
    })

    it('a norm is one kernel, and its rows of statistics can be outputs too', () => {
      expect(kernels(agrees(capabilities, (x) => [layerNorm(x)], [data([5, 16], 1)]))).toHaveLength(1)
      expect(
        kernels(agrees(capabilities, (x) => [layerNorm(x), p.reduceSum(x, last(x))], [data([5, 16], 1)])),
      ).toHaveLength(1)
    })

    it('a dot takes bias, activation and residual as its epilogue, and transposed operands as they are', () => {
      const f = (x: Expr, w: Expr, b: Expr, r: Expr): readonly Expr[] => {
        const y = p.add(p.dot(x, p.transpose(w, [1, 0])), p.broadcastTo(p.reshape(b, [1, 7]), [5, 7]))
        return [p.add(p.tanh(y), r)]
      }
      const program = agrees(capabilities, f, [data([5, 6], 1), data([7, 6], 2), data([7], 3), data([5, 7], 4)])
      expect(kernels(program)).toHaveLength(1)
      expect(program.steps[0]).toMatchObject({ kind: 'kernel', kernel: { kind: 'dot' } })
    })

    it('attention: three kernels from the packed projections', () => {
      const [B, T, H, D] = [2, 5, 3, 4]
      const f = (qkv: Expr): readonly Expr[] => {
        const heads = p.transpose(p.reshape(qkv, [B, T, 3, H, D]), [2, 0, 3, 1, 4])
        const part = (i: number): Expr => p.reshape(p.slice(heads, [i, 0, 0, 0, 0], [i + 1, B, H, T, D]), [B, H, T, D])
        const scores = p.dot(part(0), p.transpose(part(1), [0, 1, 3, 2]))
        const causal = p.ge(p.iota(scores.shape, 2, 'i32'), p.iota(scores.shape, 3, 'i32'))
        const w = softmax(p.where(causal, p.mul(scores, filled(scores, 0.5)), filled(scores, -1e9)))
        return [p.reshape(p.transpose(p.dot(w, part(2)), [0, 2, 1, 3]), [B * T, H * D])]
      }
      const program = agrees(capabilities, f, [data([B * T, 3 * H * D], 1)])
      expect(kernels(program)).toHaveLength(3)
    })

    it('donated state is updated in place', () => {
      const f = (w: Expr, m: Expr, g: Expr): readonly Expr[] => {
        const next = p.add(p.mul(m, filled(m, 0.9)), g)
        return [p.sub(w, p.mul(next, filled(m, 0.1))), next]
      }
      const program = agrees(capabilities, f, [data([6], 1), data([6], 2), data([6], 3)], [true, true, false])
      expect(kernels(program)).toHaveLength(1)
      expect(program.outputs.map((o) => program.buffers[o.buffer]!.source)).toEqual([
        { kind: 'input', index: 0 },
        { kind: 'input', index: 1 },
      ])
    })

    it('a donated input that is still read elsewhere is overwritten last', () => {
      const f = (w: Expr, x: Expr): readonly Expr[] => [p.add(w, filled(w, 1)), p.dot(x, w), p.reduceSum(w, [0, 1])]
      agrees(capabilities, f, [data([3, 3], 1), data([2, 3], 2)], [true, false])
    })

    it('a donated input that its own update reads elsewhere is copied', () => {
      agrees(capabilities, (w) => [p.transpose(w, [1, 0])], [data([3, 3], 1)], [true])
      agrees(capabilities, (w) => [p.dot(w, w)], [data([3, 3], 1)], [true])
      agrees(capabilities, (a, b) => [b, a], [data([3], 1), data([3], 2)], [true, true])
      agrees(
        capabilities,
        (a, b) => [p.add(b, filled(b, 1)), p.add(a, filled(a, 2))],
        [data([3], 1), data([3], 2)],
        [true, true],
      )
    })

    it('a cache is updated in place when donated, and copied when it lives on', () => {
      const at = p.fill([], 'i32', 2)
      const zero = p.fill([], 'i32', 0)
      const f = (cache: Expr, row: Expr): readonly Expr[] => [p.dynamicUpdateSlice(cache, row, [at, zero])]
      const args = [data([4, 3], 1), data([1, 3], 2)]
      const inPlace = agrees(capabilities, f, args, [true, false])
      expect(kernels(inPlace)).toHaveLength(1)
      expect(inPlace.buffers[inPlace.outputs[0]!.buffer]!.source).toEqual({ kind: 'input', index: 0 })
      agrees(capabilities, f, args)
      agrees(capabilities, (c, r) => [...f(c, r), p.reduceSum(c, [0, 1])], args, [true, false])
    })

    it('scatter-add, running sums, sorts and outputs that repeat or pass through', () => {
      const ids = p.constant(Int32Array.from([2, 0, 2, 1]), [4], 'i32')
      agrees(capabilities, (x, at, u) => [p.scatterAdd(x, at, u, 0)], [data([3, 2], 1), ids, data([4, 2], 2)])
      agrees(capabilities, (x) => [p.cumsum(x, 1, false), p.cumsum(x, 0, true)], [data([3, 5], 1)])
      agrees(capabilities, (x) => [p.argsort(x, 1, true)], [data([3, 9], 1)])
      agrees(capabilities, (x) => [x, x, p.neg(x), p.neg(x), p.fill([2], 'f32', 3)], [data([3], 1)])
      agrees(capabilities, (x) => [p.reduceSum(x, [0, 1]), p.reduceMax(x, [0])], [data([0, 4], 1)])
      agrees(capabilities, (x) => [p.reduceSum(x, [0]), p.reduceSum(x, [1]), p.reduceSum(x, [0, 1])], [
        data([1031, 7], 1),
      ])
    })
  })
}

/** Random programs: each step makes a value from earlier ones; some of the values are asked for. */
interface Step {
  readonly op: number
  readonly a: number
  readonly b: number
}
const stepOf: fc.Arbitrary<Step> = fc.record({ op: fc.nat(15), a: fc.nat(1000), b: fc.nat(1000) })
const take = ({ op, a, b }: Step, pick: (n: number) => Expr): Expr => {
  const x = pick(a)
  const y = pick(b)
  const like = (z: Expr): Expr => {
    if (z.shape.join() === x.shape.join()) return z
    const whole = p.reduceSum(
      z,
      z.shape.map((_, i) => i),
    )
    return p.broadcastTo(
      p.reshape(
        whole,
        x.shape.map(() => 1),
      ),
      x.shape,
    )
  }
  const rank = x.shape.length
  const axis = rank === 0 ? 0 : b % rank
  const size = sizeOf(x.shape)
  const keep = (r: Expr): Expr =>
    p.broadcastTo(
      p.reshape(
        r,
        x.shape.map((d, i) => (i === axis ? 1 : d)),
      ),
      x.shape,
    )
  switch (op) {
    case 0:
      return p.tanh(x)
    case 1:
      return p.add(x, like(y))
    case 2:
      return p.mul(x, like(y))
    case 3:
      return p.transpose(
        x,
        x.shape.map((_, i) => rank - 1 - i),
      )
    case 4:
      return rank === 0 ? x : p.sub(x, keep(p.reduceMax(x, [axis])))
    case 5:
      return rank === 0 ? x : p.div(p.exp(p.tanh(x)), keep(p.reduceSum(p.exp(p.tanh(x)), [axis])))
    case 6:
      return rank === 0 ? x : p.reduceSum(x, [axis])
    case 7:
      return p.reshape(x, [size])
    case 8:
      return size % 2 === 0 ? p.reshape(x, [2, size / 2]) : p.reshape(x, [size, 1])
    case 9:
      return rank === 0 ? x : p.flip(x, [axis])
    case 10:
      return rank === 0 || x.shape[axis]! > 8 ? x : p.concat([x, p.neg(x)], axis)
    case 11:
      return rank === 0
        ? x
        : p.slice(
            x,
            x.shape.map(() => 0),
            x.shape.map((d, i) => (i === axis ? Math.ceil(d / 2) : d)),
          )
    case 12:
      return rank === 2 ? p.dot(x, p.transpose(x, [1, 0])) : p.tanh(x)
    case 13:
      return rank === 2 && size <= 64 ? p.tanh(p.dot(p.transpose(x, [1, 0]), x)) : x
    case 14:
      return rank === 0
        ? x
        : p.pad(
            x,
            x.shape.map((_, i) => (i === axis ? 1 : 0)),
            x.shape.map(() => 0),
          )
    default:
      return rank === 0 ? x : p.cumsum(x, axis, a % 2 === 0)
  }
}
const random = fc.record({
  steps: fc.array(stepOf, { minLength: 1, maxLength: 14 }),
  wanted: fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 }),
  shapes: fc.array(fc.constantFrom([], [1], [5], [2, 3], [4, 4], [3, 1], [2, 3, 2]), { minLength: 1, maxLength: 3 }),
  donated: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
})

describe('random programs', () => {
  for (const [name, capabilities] of Object.entries({
    host,
    parallel,
    narrow: { ...parallel, longestRow: 2, lanes: 4 },
  }))
    it(`mean what their expressions mean (${name})`, () => {
      fc.assert(
        fc.property(random, ({ steps, wanted, shapes, donated }) => {
          const f = (...xs: Expr[]): readonly Expr[] => {
            const values = [...xs]
            // Values are kept small, so that long products stay comparable.
            for (const step of steps) values.push(take(step, (n) => values[n % values.length]!))
            return wanted.map((n) => values[values.length - 1 - (n % values.length)]!)
          }
          agrees(
            capabilities,
            f,
            shapes.map((shape, i) => data(shape, i)),
            donated.slice(0, shapes.length),
          )
        }),
        { seed: 3, numRuns: 600 },
      )
    })
})

describe('the scheduler', () => {
  it('writes once what is compared with itself, on a device that may round it otherwise at each place', () => {
    const f = (x: Expr, y: Expr): readonly Expr[] => {
      const computed = p.stored(p.add(p.mul(x, y), y))
      return [p.where(p.eq(computed, p.flip(computed, [0])), computed, x)]
    }
    const args = [data([6], 1), data([6], 2)]
    expect(kernels(agrees(parallel, f, args))).toHaveLength(2)
    expect(kernels(agrees(host, f, args))).toHaveLength(1)
    expect(kernels(agrees(parallel, (x) => [p.argsort(p.mul(x, x), 0, false)], [data([5], 1)]))[0]).toMatch(/mul/)
    // what is in memory already is not copied
    expect(kernels(agrees(parallel, (x) => f(x, p.stored(x)), [data([6], 1)]))).toHaveLength(2)
  })

  it('binds no more buffers in a kernel than the device has', () => {
    const xs = Array.from({ length: 40 }, (_, i) => data([i + 1, 3], i))
    const norm = (...all: Expr[]): readonly Expr[] => {
      const total = all.map((x) => p.reduceSum(p.mul(x, x), [0, 1])).reduce((a, b) => p.add(a, b))
      const root = p.sqrt(total)
      return all.map((x) => p.div(x, p.broadcastTo(p.reshape(root, [1, 1]), x.shape)))
    }
    const program = agrees(parallel, norm, xs)
    expect(program.steps.length).toBeGreaterThan(40)
  })

  it('cuts a chain of thousands of operations into kernels', () => {
    let x: Expr = p.parameter({ shape: [8], dtype: 'f32' })
    const input = x
    for (let i = 0; i < 5000; i++) x = i % 2 === 0 ? p.tanh(x) : p.mul(x, x)
    const program = schedule(host)({ inputs: [input], outputs: [x], donated: [false] })
    expect(program.steps.length).toBeGreaterThan(5)
    expect(program.steps.length).toBeLessThan(500)
  })

  it('does not blow up on wide sharing', () => {
    let x: Expr = p.parameter({ shape: [8], dtype: 'f32' })
    const input = x
    for (let i = 0; i < 60; i++) x = p.add(p.flip(x, [0]), p.mul(x, x))
    const program = schedule(host)({ inputs: [input], outputs: [x], donated: [false] })
    expect(program.steps.length).toBeLessThan(60)
  })
})
