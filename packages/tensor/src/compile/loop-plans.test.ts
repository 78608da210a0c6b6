/** What loops cost: which copies a round makes, what is computed outside, what is not computed, and how much memory it takes. */
import { describe, expect, it } from 'vitest'
import { loop, type Trips } from '../graph/loop.ts'
import { evaluateWith } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import { trace } from '../graph/graph.ts'
import * as p from '../primitives/index.ts'
import { host, parallel } from './capabilities.support.ts'
import { explain } from './explain.ts'
import { playProgram } from './playing.support.ts'
import { kernelSteps, type Program, type Step } from '../loops/program.ts'
import { schedule } from './schedule.ts'

const f32 = (...shape: number[]): Expr => p.parameter({ shape, dtype: 'f32' })
const number = (v: number, dtype: 'f32' | 'i32' | 'bool' = 'f32'): Expr => p.fill([], dtype, v)
const filled = (x: Expr, v: number): Expr => p.fillLike(x, v)
const half = (x: Expr): Expr => p.mul(x, filled(x, 0.5))
const zero = number(0, 'i32')
const next = (i: Expr): Expr => p.add(i, filled(i, 1))

/** A loop over `carries`, whose body may read anything else. */
const rounds = (trips: Trips, carries: readonly Expr[], body: (now: readonly Expr[]) => readonly Expr[]) => {
  const { graph, operands } = trace('loop', body, carries)
  return loop(graph, operands.length, trips, [...operands, ...carries])
}

/** The same, with what the body reads of the outside handed to it, and not computed outside. */
const roundsOf = (
  trips: Trips,
  operands: readonly Expr[],
  carries: readonly Expr[],
  body: (operands: readonly Expr[], now: readonly Expr[]) => readonly Expr[],
) => {
  const n = operands.length
  const { graph } = trace('loop', (all) => body(all.slice(0, n), all.slice(n)), [...operands, ...carries])
  return loop(graph, n, trips, [...operands, ...carries])
}

type Kinds = Step['kind']
const kindsOf = (steps: readonly Step[]): readonly (Kinds | readonly unknown[])[] =>
  steps.map((s) => (s.kind === 'loop' ? kindsOf(s.steps) : s.kind))
const kernelNames = (program: Program): readonly string[] => kernelSteps(program.steps).map((s) => s.kernel.name)

for (const [name, capabilities] of Object.entries({ host, parallel }))
  describe(`loops on a ${name} device`, () => {
    /** Schedules, and holds the program to what its outputs mean. */
    const planned = (inputs: readonly Expr[], outputs: readonly Expr[], donated: readonly number[] = []): Program => {
      const program = schedule(capabilities)({ inputs, outputs, donated: inputs.map((_, i) => donated.includes(i)) })
      const data = inputs.map(({ shape, dtype }, k) =>
        Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) =>
          dtype === 'f32' ? Math.sin(k + 1.7 * i) : (k + i) % 3,
        ),
      )
      const given = new Map(inputs.map((x, i) => [x, { shape: x.shape, dtype: x.dtype, data: data[i]! }]))
      const wanted = evaluateWith(outputs, given).map((v) => v.data)
      playProgram(program, data).forEach((got, i) =>
        got.forEach((v, j) => {
          expect(Math.abs(v - wanted[i]![j]!)).toBeLessThan(1e-9)
        }),
      )
      return program
    }

    it('a carry that is read at its own element is overwritten; nothing is copied in a round', () => {
      const x = f32(6)
      const [y] = rounds(3, [x], ([c]) => [p.tanh(c!)])
      expect(kindsOf(planned([x], [y!]).steps)).toEqual(['copy', ['kernel']])
      const program = planned([x], [y!], [0])
      expect(kindsOf(program.steps)).toEqual([['kernel']])
      expect(program.buffers.map((b) => b.source.kind)).toEqual(['input'])
    })

    it('a carry that is read elsewhere is computed beside its place, and copied there', () => {
      const x = f32(6)
      const [y] = rounds(3, [x], ([c]) => [p.flip(half(c!), [0])])
      expect(kindsOf(planned([x], [y!], [0]).steps)).toEqual([['kernel', 'copy']])
    })

    it('what was computed for it alone is where a carry begins', () => {
      const x = f32(6)
      const [y] = rounds(3, [p.cumsum(x, 0, false)], ([c]) => [p.tanh(c!)])
      const program = planned([x], [y!])
      expect(kindsOf(program.steps)).toEqual(['kernel', ['kernel']])
      expect(program.slabs).toEqual([])
    })

    it('who else reads it goes first', () => {
      const x = f32(6)
      const sums = p.cumsum(x, 0, false)
      const [y] = rounds(3, [sums], ([c]) => [p.tanh(c!)])
      const others = [p.flip(sums, [0]), p.cumsum(sums, 0, false)]
      expect(planned([x], [y!, ...others]).steps.filter((s) => s.kind === 'copy')).toEqual([])
      const [z] = rounds(3, [x], ([c]) => [p.tanh(c!)])
      expect(planned([x], [z!, p.flip(x, [0])], [0]).steps.filter((s) => s.kind === 'copy')).toEqual([])
    })

    it('rows are written into a stack in place, each round its own', () => {
      const x = f32(6)
      const [, , stack] = rounds(5, [zero, x, p.fill([5, 6], 'f32', 0)], ([i, c, ys]) => [
        next(i!),
        p.tanh(c!),
        p.dynamicUpdateSlice(ys!, p.reshape(c!, [1, 6]), [i!, zero]),
      ])
      const program = planned([x], [stack!])
      expect(kindsOf(program.steps.filter((s) => s.kind === 'loop'))[0]).not.toContain('copy')
      // the stack, made of zeros where it is wanted, the counter, and the carry beside it
      expect(program.live).toBeLessThanOrEqual(2 * 256)
    })

    it('what is written into a stack is written by the kernel that computes it, whoever else reads it', () => {
      const [x, w, stack] = [f32(4, 4), f32(4, 4), f32(5, 4, 4)]
      const row = (y: Expr): Expr => p.reshape(y, [1, 4, 4])
      const write = (ys: Expr, y: Expr, i: Expr): Expr => p.dynamicUpdateSlice(ys, row(y), [i, zero, zero])
      const [, product] = rounds(5, [zero, stack], ([i, ys]) => [next(i!), write(ys!, p.tanh(p.dot(x, w)), i!)])
      planned([x, w, stack], [product!], [2])
      const [, c, both] = rounds(5, [zero, x, stack], ([i, v, ys]) => {
        const made = p.add(p.dot(v!, w), half(v!))
        return [next(i!), p.flip(p.tanh(made), [0]), write(ys!, made, i!)]
      })
      const program = planned([x, w, stack], [c!, both!], [0, 2])
      const [inside] = kindsOf(program.steps).filter((s) => Array.isArray(s))
      // the product, stored twice; the next carry, and its move home; the counter
      expect(inside!.filter((kind) => kind === 'kernel')).toHaveLength(3)
      const sums = rounds(5, [zero, p.fill([5, 4], 'f32', 0)], ([i, ys]) => [
        next(i!),
        p.dynamicUpdateSlice(ys!, p.reshape(p.reduceSum(p.mul(x, p.dot(x, w)), [0]), [1, 4]), [i!, zero]),
      ])
      planned([x, w], [sums[1]!])
    })

    it('the positions that an update writes to stand in memory, though the kernel that writes could count them', () => {
      // each element goes where its rank is: sorted
      const x = f32(5)
      const [mine, others] = [p.broadcastTo(p.reshape(x, [5, 1]), [5, 5]), p.broadcastTo(p.reshape(x, [1, 5]), [5, 5])]
      const smaller = p.where(p.lt(others, mine), p.fill([5, 5], 'i32', 1), p.fill([5, 5], 'i32', 0))
      const program = planned([x], [p.putAlongAxis(p.fill([5], 'f32', 0), p.reduceSum(smaller, [1]), x, 0)])
      expect(program.steps.at(-1)).toMatchObject({ kind: 'kernel', kernel: { reductions: [] } })
    })

    it('what is computed of other rows of a stack is not written over them too early', () => {
      const [stack, w] = [f32(5, 4, 4), f32(4, 4)]
      const at = (i: Expr, ys: Expr): Expr => p.reshape(p.dynamicSlice(ys, [i, zero, zero], [1, 4, 4]), [4, 4])
      const [, ys] = rounds(4, [zero, stack], ([i, now]) => [
        next(i!),
        p.dynamicUpdateSlice(now!, p.reshape(p.dot(at(i!, now!), w), [1, 4, 4]), [next(i!), zero, zero]),
      ])
      planned([stack, w], [ys!], [0])
      const [, sums] = rounds(4, [zero, stack], ([i, now]) => [
        next(i!),
        p.dynamicUpdateSlice(now!, p.reshape(p.reduceSum(now!, [0]), [1, 4, 4]), [i!, zero, zero]),
      ])
      planned([stack], [sums!], [0])
    })

    it('carries that change places go by a copy beside them, however many go round', () => {
      const xs = [f32(4), f32(4), f32(4)]
      const swapped = rounds(3, xs.slice(0, 2), ([a, b]) => [b!, a!])
      expect(kindsOf(planned(xs.slice(0, 2), swapped, [0, 1]).steps)).toEqual([['copy', 'copy', 'copy']])
      const turned = rounds(4, xs, ([a, b, c]) => [b!, c!, a!])
      expect(kindsOf(planned(xs, turned, [0, 1, 2]).steps)).toEqual([['copy', 'copy', 'copy', 'copy']])
      const shifted = rounds(4, xs, ([a, b, c]) => [p.add(p.tanh(a!), c!), a!, b!])
      planned(xs, shifted, [0, 1, 2])
    })

    it('a carry that stays is none', () => {
      const [x, w] = [f32(4), f32(4)]
      const results = rounds(3, [x, w], ([c, same]) => [p.mul(c!, same!), same!])
      const program = planned([x, w], results, [0, 1])
      expect(kindsOf(program.steps)).toEqual([['kernel']])
      const stay = rounds(3, [x], ([c]) => [c!])
      expect(planned([x], stay, [0]).steps).toEqual([])
    })

    it('a carry that nobody needs is not computed, nor what only it needs', () => {
      const [x, w] = [f32(4), f32(4)]
      const [y] = rounds(3, [x, w, w], ([c, d, e]) => [p.tanh(c!), p.sin(p.add(d!, e!)), p.cos(e!)])
      expect(kernelNames(planned([x, w], [y!]))).toEqual(['tanh'])
      // through a loop inside
      const [z] = rounds(3, [x, w], ([c, d]) => {
        const [c2, d2] = rounds(2, [c!, d!], ([e, f]) => [p.tanh(e!), p.sin(f!)])
        return [c2!, d2!]
      })
      expect(kernelNames(planned([x, w], [z!]))).toEqual(['tanh'])
      // and through one that another loop alone needs
      const [c3, d3] = rounds(3, [x, w], ([c, d]) => [p.tanh(c!), p.sin(d!)])
      const [last] = rounds(3, [c3!, d3!], ([c, d]) => [p.exp(c!), p.cos(d!)])
      expect(kernelNames(planned([x, w], [half(last!)])).filter((n) => n.includes('sin') || n.includes('cos'))).toEqual(
        [],
      )
    })

    it('what follows from operands alone is computed once, through loops inside too', () => {
      const [x, w] = [f32(4, 4), f32(4, 4)]
      const [y] = rounds(3, [x], ([c]) => [p.add(half(c!), p.dot(w, w))])
      const program = planned([x, w], [y!])
      expect(kindsOf(program.steps).at(-1)).toEqual(['kernel'])
      expect(kernelNames(program)[0]).toContain('dot')
      const [z] = rounds(3, [x], ([c]) => rounds(2, [c!], ([d]) => [p.add(half(d!), p.dot(w, w))]))
      const deep = planned([x, w], [z!])
      expect(kindsOf(deep.steps).at(-1)).toEqual([['kernel']])
      expect(kernelNames(deep)[0]).toContain('dot')
      // masks and the like are cheaper to make again
      const mask = (v: Expr): Expr => p.where(p.lt(p.iota([4, 4], 0, 'i32'), p.iota([4, 4], 1, 'i32')), v, half(v))
      const [m] = rounds(3, [x], ([c]) => [mask(p.tanh(c!))])
      expect(kindsOf(planned([x], [m!], [0]).steps)).toEqual([['kernel']])
    })

    it('what a flag may leave out is not computed before it is asked', () => {
      const [x, w] = [f32(4, 4), f32(4, 4)]
      const go = p.lt(p.reduceSum(x, [0, 1]), number(0))
      const stop = number(0, 'bool')
      const [y] = roundsOf({ atMost: 1 }, [w], [x, go], ([v]) => [p.dot(v!, v!), stop])
      expect(
        kernelSteps(planned([x, w], [y!]).steps.filter((s) => s.kind === 'kernel')).map((s) => s.kernel.kind),
      ).toEqual(['loop'])
      // nor rounds that might have no end without it
      const [z] = roundsOf(null, [w], [x, go], ([v], [c]) => {
        const [d] = rounds(null, [v!, p.lt(p.reduceMax(v!, [0, 1]), number(1))], ([e]) => [
          p.add(e!, filled(e!, 1)),
          p.lt(p.reduceMax(e!, [0, 1]), number(1)),
        ])
        return [p.add(p.dot(v!, v!), p.tanh(p.add(c!, d!))), stop]
      })
      const program = planned([x, w], [z!])
      expect(kernelNames(program)).toContain('dot')
      expect(kindsOf(program.steps).filter(Array.isArray)).toHaveLength(1)
    })

    it('no rounds, one round, nothing to carry', () => {
      const x = f32(4)
      expect(
        planned(
          [x],
          rounds(0, [x], ([c]) => [p.tanh(c!)]),
          [0],
        ).steps,
      ).toEqual([])
      expect(
        kindsOf(
          planned(
            [x],
            rounds(1, [x], ([c]) => [p.tanh(c!)]),
            [0],
          ).steps,
        ),
      ).toEqual(['kernel'])
      const empty = f32(0, 3)
      const [y, z] = rounds(3, [empty, x], ([e, c]) => [
        p.tanh(e!),
        p.add(c!, p.broadcastTo(p.reshape(p.reduceSum(e!, [0, 1]), [1]), [4])),
      ])
      planned([empty, x], [y!, z!])
    })

    it('values may be given twice: to two carries, to a carry and the rounds, twice to the rounds', () => {
      const x = f32(4)
      planned(
        [x],
        rounds(3, [x, x], ([a, b]) => [p.add(half(a!), b!), p.tanh(b!)]),
        [0],
      )
      const twice = rounds(3, [x], ([a]) => [p.add(half(a!), p.flip(x, [0]))])
      planned([x], twice, [0])
      const sum = p.cumsum(x, 0, false)
      planned(
        [x],
        rounds(3, [sum, sum], ([a, b]) => [p.add(half(a!), p.flip(sum, [0])), p.tanh(b!)]),
        [0],
      )
      const [a, b, c, d] = [f32(4), f32(4), f32(4), f32(4)]
      const { graph } = trace('loop', ([u, v, w, z]) => [p.add(p.mul(u!, v!), half(w!)), p.flip(z!, [0])], [a, b, c, d])
      planned([x], loop(graph, 2, 3, [x, x, x, x]), [0])
    })

    it('fills and inputs that must stay are where carries may begin', () => {
      const data = f32(4)
      const results = rounds(3, [p.fill([4], 'f32', 2), p.fill([4], 'f32', 2), p.iota([4], 0, 'i32'), data], (now) => [
        p.tanh(now[0]!),
        p.add(now[1]!, p.cast('f32', now[2]!)),
        next(now[2]!),
        p.mul(now[3]!, now[0]!),
      ])
      // each has zeros of its own, which nobody else reads: only the host's data is copied
      expect(planned([data], results).steps.filter((s) => s.kind === 'copy')).toHaveLength(1)
      planned(
        [data],
        rounds(3, [data], ([c]) => [p.flip(c!, [0])]),
      )
    })

    it('a flag goes on as long as it is true, and no longer than it may', () => {
      const n = p.parameter({ shape: [], dtype: 'i32' })
      const x = f32(4)
      const upTo = (trips: Trips): readonly Expr[] =>
        rounds(trips, [x, zero, p.lt(zero, n)], ([c, i]) => [p.add(c!, filled(c!, 1)), next(i!), p.lt(next(i!), n)])
      for (const trips of [null, { atMost: 0 }, { atMost: 1 }, { atMost: 9 }]) planned([x, n], upTo(trips).slice(0, 2))
      for (const go of [0, 1])
        planned(
          [x],
          rounds({ atMost: 3 }, [x, number(go, 'bool')], ([c, flag]) => [p.tanh(c!), flag!]),
        )
      expect(explain(planned([x, n], upTo(null)))).toMatch(/as long as its flag is true:/)
      expect(explain(planned([x, n], upTo({ atMost: 9 })))).toMatch(/true, at most 9 times:/)
    })

    it('a hundred rounds need the memory of two, and explain counts all', () => {
      const x = f32(300)
      const [w, n] = [f32(300, 300), f32(300)]
      const of = (trips: number): Program =>
        planned(
          [x, w, n],
          rounds(trips, [x], ([c]) => [p.tanh(p.add(p.reshape(p.dot(p.reshape(c!, [1, 300]), w), [300]), n))]),
        )
      const [few, many] = [of(2), of(4)]
      expect(many.slabs).toEqual(few.slabs)
      expect(many.live).toBe(few.live)
      expect(explain(few)).toMatch(/2 times:[^]*2 kernels/)
      expect(explain(many)).toMatch(/4 times:[^]*4 kernels/)
    })

    it('loops inside loops work in the memory of the outer one', () => {
      const x = f32(64)
      const deep = (depth: number, c: Expr): Expr =>
        depth === 0
          ? p.flip(half(p.cumsum(p.tanh(c), 0, false)), [0])
          : rounds(2, [c], ([d]) => [deep(depth - 1, d!)])[0]!
      const plain = planned([x], [deep(1, x)])
      const nested = planned([x], [deep(4, x)])
      expect(nested.live).toBeLessThanOrEqual(plain.live + 3 * 256)
    })
  })
