/** What reduces the rows of a product is computed in the product's kernel, and only where that has whole rows at hand. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sizeOf } from '../../base/shape.ts'
import { evaluateWith } from '../../graph/evaluate.ts'
import type { Expr } from '../../graph/expr.ts'
import { kernelSteps, type Program } from '../../loops/program.ts'
import * as p from '../../primitives/index.ts'
import type { Capabilities } from '../capabilities.ts'
import { host, parallel } from '../capabilities.support.ts'
import { playProgram } from '../playing.support.ts'
import { schedule } from '../schedule.ts'

const f32 = (...shape: number[]): Expr => p.parameter({ shape, dtype: 'f32' })
const last = (x: Expr): readonly [number] => [x.shape.length - 1]
const along = (x: Expr, rows: Expr): Expr => p.broadcastTo(p.reshape(rows, [...rows.shape, 1]), x.shape)
const times = (x: Expr, v: number): Expr => p.mul(x, p.fillLike(x, v))
const softmax = (x: Expr): Expr => {
  const e = p.exp(p.sub(x, along(x, p.reduceMax(x, last(x)))))
  return p.div(e, along(e, p.reduceSum(e, last(e))))
}
const norm = (x: Expr): Expr => {
  const mean = times(p.reduceSum(x, last(x)), 1 / x.shape.at(-1)!)
  const centred = p.sub(x, along(x, mean))
  const variance = times(p.reduceSum(p.mul(centred, centred), last(x)), 1 / x.shape.at(-1)!)
  return p.mul(centred, along(x, p.rsqrt(p.add(variance, p.fillLike(variance, 1e-3)))))
}
const rowSum = (x: Expr): Expr => p.reduceSum(x, last(x))

/** Schedules, and holds the program to what its outputs mean. */
const planned = (
  capabilities: Capabilities,
  inputs: readonly Expr[],
  outputs: readonly Expr[],
  donated = false,
): Program => {
  const program = schedule(capabilities)({ inputs, outputs, donated: inputs.map(() => donated) })
  const data = inputs.map(({ shape }, k) =>
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(k + 1.7 * i)),
  )
  const given = new Map(inputs.map((x, i) => [x, { shape: x.shape, dtype: x.dtype, data: data[i]! }]))
  const wanted = evaluateWith(outputs, given).map((v) => v.data)
  playProgram(program, data).forEach((got, i) =>
    got.forEach((v, j) => {
      expect(Math.abs(v - wanted[i]![j]!)).toBeLessThan(1e-9 * (1 + Math.abs(wanted[i]![j]!)))
    }),
  )
  return program
}
/** Of each kernel, its kind and how many reductions it has beside the sums of a product. */
const kernels = (program: Program): readonly string[] =>
  kernelSteps(program.steps).map(
    ({ kernel }) => `${kernel.kind} ${kernel.kind === 'template' ? 0 : kernel.reductions.length}`,
  )

const [q, k, v] = [f32(2, 3, 9, 4), f32(2, 3, 8, 4), f32(2, 3, 8, 5)]
const turned = (x: Expr): Expr => p.transpose(x, [0, 1, 3, 2])
const scores = p.dot(q, turned(k))

describe('rows of a product', () => {
  it('softmax of scores is their kernel, and attention two', () => {
    expect(kernels(planned(host, [q, k], [softmax(scores)]))).toEqual(['dot 2'])
    expect(kernels(planned(host, [q, k, v], [p.dot(softmax(scores), v)]))).toEqual(['dot 2', 'dot 0'])
  })

  it('so is the norm of a projection and a residual, whose sum is stored as well where others read it', () => {
    const [x, w, r] = [f32(2, 5, 6), f32(6, 8), f32(2, 5, 8)]
    const h = p.add(p.reshape(p.dot(p.reshape(x, [10, 6]), w), [2, 5, 8]), r)
    expect(kernels(planned(host, [x, w, r], [norm(h)]))).toEqual(['dot 2'])
    const both = planned(host, [x, w, r], [norm(h), h], true)
    expect(kernels(both)).toEqual(['dot 2'])
  })

  it('what is summed for a row alone leaves no matrix in memory', () => {
    const program = planned(host, [q, k], [rowSum(p.exp(scores))])
    expect(kernels(program)).toEqual(['dot 1'])
    expect(program.slabs).toEqual([])
  })

  it('a later reduction reads an earlier one that others read, too', () => {
    const most = p.reduceMax(scores, last(scores))
    const rest = p.sub(scores, along(scores, most))
    expect(kernels(planned(host, [q, k], [most, rowSum(p.exp(rest)), rest]))).toEqual(['dot 2'])
  })

  it('a kernel of its own stays: columns, other rows, long, short and few rows, long sums, and devices that have no rows', () => {
    const columns = planned(host, [q, k], [p.reduceSum(scores, [2])])
    expect(kernels(columns)).toEqual(['dot 0', 'loop 1'])
    const whole = planned(host, [q, k], [p.reduceSum(scores, [2, 3])])
    expect(kernels(whole)).toEqual(['dot 0', 'loop 1'])
    const flipped = planned(host, [q, k], [rowSum(p.mul(scores, p.flip(scores, [2])))])
    expect(kernels(flipped)).toEqual(['dot 0', 'loop 1'])
    const rows = { columns: [8, 8], rows: 54, terms: 4 } as const
    const short = { ...host, dotRows: { ...rows, columns: [1, 7] as const } }
    const long = { ...host, dotRows: { ...rows, columns: [9, 99] as const } }
    const many = { ...host, dotRows: { ...rows, rows: 55 } }
    const deep = { ...host, dotRows: { ...rows, terms: 3 } }
    for (const device of [short, long, many, deep, parallel])
      expect(kernels(planned(device, [q, k], [softmax(scores)]))).toEqual(['dot 0', 'loop 2'])
    expect(kernels(planned({ ...host, dotRows: rows }, [q, k], [softmax(scores)]))).toEqual(['dot 2'])
  })

  it('does not wait for what comes later, nor run before it', () => {
    // The second product reads what the norm of the first makes, and is added to it before it is reduced again.
    const [x, w, u] = [f32(9, 8), f32(8, 8), f32(8, 8)]
    const first = p.dot(x, w)
    const second = p.dot(norm(first), u)
    const program = planned(host, [x, w, u], [softmax(p.add(first, second)), rowSum(p.mul(first, second))])
    expect(kernels(program)).toEqual(['dot 2', 'dot 3'])
  })

  it('any program of products and rows means what it says, in place or not', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 10 }), fc.nat({ max: 9 }), fc.nat({ max: 9 })), {
      minLength: 3,
      maxLength: 9,
    })
    const sizes = fc.record({ batch: fc.constantFrom(0, 1, 2), m: fc.constantFrom(8, 9), n: fc.constantFrom(8, 11) })
    let merged = 0
    fc.assert(
      fc.property(steps, sizes, fc.boolean(), fc.nat(), (made, { batch, m, n }, donated, taken) => {
        const over = batch === 0 ? [] : [batch]
        const inputs = [f32(...over, m, n), f32(...over, n, n), f32(...over, m, n)]
        const square = inputs[1]!
        const values: Expr[] = [inputs[0]!, inputs[2]!]
        for (const [how, i, j] of made) {
          const [x, y] = [values.at(-1 - (i % 2))!, values[j % values.length]!]
          const swapped = [...over.map((_, a) => a), over.length + 1, over.length]
          const forms = [
            () => times(p.dot(x, square), 0.3),
            () => p.dot(x, p.transpose(square, swapped)),
            () => (m === n ? softmax(p.add(p.transpose(x, swapped), y)) : x),
            () => p.sub(x, p.broadcastTo(p.reshape(p.reduceSum(x, [over.length]), [...over, 1, n]), x.shape)),
            () => softmax(x),
            () => norm(x),
            () => p.add(x, y),
            () => p.mul(p.tanh(x), y),
            () => p.sub(x, along(x, rowSum(p.mul(x, y)))),
            () => p.add(x, p.flip(y, [over.length])),
            () => p.where(p.ge(p.iota(x.shape, over.length, 'i32'), p.iota(x.shape, over.length + 1, 'i32')), x, y),
          ]
          values.push(forms[how]!())
        }
        const results = values.slice(2)
        const program = planned(host, inputs, [results.at(-1)!, results[taken % results.length]!], donated)
        merged += kernels(program).filter((name) => name.startsWith('dot') && name !== 'dot 0').length
      }),
      { seed: 3, numRuns: 400 },
    )
    expect(merged).toBeGreaterThan(60)
  })
})
