/** What is written of what a kernel computes is written by that kernel, and only where it has it at hand. */
import { describe, expect, it } from 'vitest'
import { sizeOf } from '../../base/shape.ts'
import { evaluateWith } from '../../graph/evaluate.ts'
import type { Expr } from '../../graph/expr.ts'
import { trace } from '../../graph/graph.ts'
import { loop } from '../../graph/loop.ts'
import type { Program, Step } from '../../loops/program.ts'
import * as p from '../../primitives/index.ts'
import { host, parallel } from '../capabilities.support.ts'
import { playProgram } from '../playing.support.ts'
import { schedule } from '../schedule.ts'

const f32 = (...shape: number[]): Expr => p.parameter({ shape, dtype: 'f32' })
const zero = p.fill([], 'i32', 0)
const half = (x: Expr): Expr => p.mul(x, p.fillLike(x, 0.5))
const alongRows = (x: Expr, of: Expr): Expr => p.broadcastTo(p.reshape(of, [...of.shape, 1]), x.shape)
const centred = (x: Expr): Expr => p.sub(x, alongRows(x, half(p.reduceSum(x, [1]))))
/** A row of a stack, replaced by a value of the shape of its rows, or by as many elements. */
const written = (stack: Expr, value: Expr, i: Expr): Expr =>
  p.dynamicUpdateSlice(stack, p.reshape(value, [1, ...stack.shape.slice(1)]), [
    i,
    ...stack.shape.slice(1).map(() => zero),
  ])

type Kinds = readonly (Step['kind'] | Kinds)[]
const kindsOf = (steps: readonly Step[]): Kinds => steps.map((s) => (s.kind === 'loop' ? kindsOf(s.steps) : s.kind))

describe.each(Object.entries({ host, parallel }))('on a %s device', (_, capabilities) => {
  /** Schedules, all inputs donated, and holds the program to what its outputs mean. */
  const planned = (inputs: readonly Expr[], outputs: readonly Expr[]): Program => {
    const program = schedule(capabilities)({ inputs, outputs, donated: inputs.map(() => true) })
    const data = inputs.map(({ shape, dtype }, k) =>
      Float64Array.from({ length: sizeOf(shape) }, (_, i) => (dtype === 'f32' ? Math.sin(k + 1.7 * i) : 2)),
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
  const kinds = (inputs: readonly Expr[], outputs: readonly Expr[]): Kinds => kindsOf(planned(inputs, outputs).steps)
  const [x, w] = [f32(4, 4), f32(4, 4)]
  const [one, two, sums] = [f32(5, 4, 4), f32(5, 4, 4), f32(5, 4)]
  const at = p.parameter({ shape: [], dtype: 'i32' })

  it('a product is written into several stacks, and into its own place, by one kernel', () => {
    const product = p.dot(x, w)
    const outputs = [p.flip(product, [0]), written(one, product, at), written(two, p.tanh(product), at)]
    const program = planned([x, w, one, two, at], outputs)
    expect(kindsOf(program.steps)).toEqual(['kernel', 'kernel'])
    expect(program.steps[0]).toMatchObject({ kernel: { kind: 'dot', stores: { length: 3 } } })
  })

  it('what is stored for nobody else is not stored besides', () => {
    const product = p.dot(x, w)
    const program = planned([x, w, one, two, at], [written(one, product, at), written(two, half(product), at)])
    expect(program.steps).toMatchObject([{ kernel: { kind: 'dot', stores: { length: 2 } } }])
    expect(program.slabs).toEqual([])
  })

  it('statistics of rows, and what they leave of the rows, are kept by the kernel that makes them', () => {
    const y = centred(x)
    const outputs = [p.tanh(y), written(sums, half(p.reduceSum(x, [1])), at), written(one, y, at)]
    expect(kinds([x, one, sums, at], outputs)).toEqual(['kernel'])
  })

  it('sums over the same elements are written into their stacks by one kernel, though two have only a third in common', () => {
    const [y, other] = [f32(4, 4), f32(5, 4)]
    const third = f32(5, 4)
    const of = (v: Expr): Expr => p.reduceSum(v, [0])
    const outputs = [
      written(third, of(p.mul(x, y)), at),
      written(sums, of(p.tanh(x)), at),
      written(other, of(p.exp(y)), at),
    ]
    expect(kinds([x, y, sums, other, third, at], outputs)).toEqual(['kernel'])
  })

  it('what is written of other elements as well waits for all of them', () => {
    const product = p.dot(x, w)
    planned([x, w, one, at], [written(one, p.add(product, p.flip(product, [1])), at), p.flip(product, [0])])
    planned(
      [x, w, one, at],
      [written(one, p.add(p.tanh(x), alongRows(x, p.reduceSum(p.flip(product, [0]), [1]))), at), product],
    )
    // what is computed of the sums that the same kernel made, by one that runs between
    const running = p.cumsum(product, 0, false)
    const outputs = [written(one, p.add(product, running), at), p.flip(product, [0]), p.flip(running, [0])]
    planned([x, w, one, at], outputs)
  })

  it('a row of one stack that goes into another is what was written, not what was there', () => {
    const product = p.dot(x, w)
    const first = written(one, product, at)
    const row = p.reshape(p.slice(first, [0, 0, 0], [1, 4, 4]), [4, 4])
    planned([x, w, one, two, at], [first, written(two, p.add(product, row), at)])
    const again = written(first, p.tanh(product), p.add(at, p.fill([], 'i32', 1)))
    planned([x, w, one, at], [again, p.flip(product, [0])])
    planned([x, w, one, at], [written(first, p.tanh(product), at), p.flip(product, [0])])
  })

  it('two that go on from one array do not write into one place', () => {
    const product = p.dot(x, w)
    const outputs = [written(one, product, at), written(one, p.tanh(product), zero), p.flip(product, [0])]
    planned([x, w, one, at], outputs)
  })

  /** Four rounds over a counter, a matrix and a stack, of which no round copies all. */
  const round = (body: (i: Expr, c: Expr, stack: Expr) => readonly [next: Expr, stack: Expr]): Program => {
    const { graph, operands } = trace(
      'loop',
      ([i, c, stack]) => [p.add(i!, p.fill([], 'i32', 1)), ...body(i!, c!, stack!)],
      [zero, x, one],
    )
    const [, c, stack] = loop(graph, operands.length, 4, [...operands, zero, x, one])
    const program = planned([x, w, one], [c!, stack!])
    const inside = program.steps.flatMap((s) => (s.kind === 'loop' ? s.steps : []))
    for (const s of inside) if (s.kind === 'copy') expect(s.bytes).toBeLessThan(4 * sizeOf(one.shape))
    return program
  }
  const rowOf = (stack: Expr, i: Expr): Expr => p.reshape(p.dynamicSlice(stack, [i, zero, zero], [1, 4, 4]), [4, 4])
  const before = (i: Expr): Expr => p.sub(i, p.fill([], 'i32', 1))

  it('who reads the rows that are there goes first, though it reads what is written as well', () => {
    round((i, c, stack) => {
      const made = p.tanh(p.dot(c, w))
      const other = p.add(p.flip(made, [0]), p.cumsum(p.add(made, rowOf(stack, i)), 0, false))
      return [p.tanh(other), written(stack, made, i)]
    })
  })

  it('a row that follows from other rows of its stack is computed beside them', () => {
    for (const of of [p.tanh, (row: Expr) => p.dot(row, w), centred, (row: Expr) => p.flip(row, [0])])
      round((i, c, stack) => [half(c), written(stack, of(rowOf(stack, before(i))), i)])
    round((i, c, stack) => {
      const made = p.add(p.dot(c, w), rowOf(stack, before(i)))
      return [p.tanh(p.add(p.flip(made, [0]), p.flip(half(made), [1]))), written(stack, made, i)]
    })
  })

  it('an array that must be copied anyway is written by one kernel, whatever that reads of it', () => {
    const outputs = [written(one, p.tanh(rowOf(one, before(at))), at)]
    const { steps } = schedule(capabilities)({ inputs: [one, at], outputs, donated: [false, true] })
    expect(kindsOf(steps)).toEqual(['copy', 'kernel'])
  })
})
