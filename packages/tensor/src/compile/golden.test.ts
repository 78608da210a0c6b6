/** What is generated for a few programs, so that a change in it is seen in review: kernels, grids, buffers, memory. */
import { expect, it } from 'vitest'
import type { Axis } from '../loops/ix.ts'
import type { Expr } from '../graph/expr.ts'
import { gelu } from '../ops/activation.ts'
import { matmul } from '../ops/linalg.ts'
import { add, mul, sub } from '../ops/math.ts'
import { reshape, transpose } from '../ops/movement.ts'
import { mean } from '../ops/reductions.ts'
import { softmax } from '../ops/softmax.ts'
import * as primitives from '../primitives/index.ts'
import { trace } from '../graph/graph.ts'
import { loop } from '../graph/loop.ts'
import { typed } from '../graph/tensor.ts'
import { host, parallel } from './capabilities.support.ts'
import type { Capabilities } from './capabilities.ts'
import type { Program, Step } from '../loops/program.ts'
import { schedule } from './schedule.ts'

const grid = (axes: readonly Axis[]): string => `[${axes.map((a) => a.extent).join(' ')}]`
const listing = (program: Program): string => {
  const lines = (steps: readonly Step[]): readonly string[] =>
    steps.flatMap((step) => {
      if (step.kind === 'copy') return `copy ${step.from} -> ${step.to}`
      if (step.kind === 'loop') {
        const trips = `${step.trips} times${step.flag === null ? '' : ` while ${step.flag}`}`
        return [trips, ...lines(step.steps).map((line) => `  ${line}`)]
      }
      const { kernel, buffers } = step
      const use = kernel.buffers
        .map(({ read, write }, i) => `${buffers[i]!}${read ? 'r' : ''}${write ? 'w' : ''}`)
        .join(' ')
      if (kernel.kind === 'template') return `template ${JSON.stringify(kernel.params)} (${use}): ${kernel.name}`
      return kernel.kind === 'dot'
        ? `dot ${grid(kernel.batch)} ${kernel.m.extent} x ${kernel.k.extent} x ${kernel.n.extent} reductions ${kernel.reductions.length} (${use}): ${kernel.name}`
        : `rows ${grid(kernel.rows)} cols ${grid(kernel.cols)} reductions ${kernel.reductions.length} (${use}): ${kernel.name}`
    })
  return [
    ...program.buffers.map(({ source, bytes }, i) => `buffer ${i}: ${source.kind} ${bytes} B`),
    ...lines(program.steps),
    `outputs ${program.outputs.map((o) => o.buffer).join(' ')}`,
  ].join('\n')
}

const { fill, parameter } = primitives
const f32 = (...shape: number[]): Expr => parameter({ shape, dtype: 'f32' })
const planned = (
  capabilities: Capabilities,
  inputs: readonly Expr[],
  outputs: readonly Expr[],
  donated: readonly number[] = [],
): string => listing(schedule(capabilities)({ inputs, outputs, donated: inputs.map((_, i) => donated.includes(i)) }))

it('softmax over rows', () => {
  const x = f32(32, 64)
  expect(planned(host, [x], [softmax(-1)(typed(x))])).toMatchSnapshot()
})

it('an MLP with its residual', () => {
  const [x, up, down] = [f32(64, 32), f32(32, 128), f32(128, 32)].map((e) => typed(e))
  const y = add(x!, matmul(gelu(matmul(x!, up!)), down!))
  expect(planned(host, [x!, up!, down!], [y])).toMatchSnapshot()
})

it('attention over packed heads', () => {
  const [q, k, v] = [f32(2, 4, 16, 8), f32(2, 4, 16, 8), f32(2, 4, 16, 8)].map((e) => typed(e))
  const scores = mul(matmul(q!, transpose([0, 1, 3, 2])(k!)), 0.35)
  expect(planned(host, [q!, k!, v!], [matmul(softmax(-1)(scores), v!)])).toMatchSnapshot()
})

it('a step of gradient descent, its weights donated', () => {
  const [w, x, y] = [f32(16, 4), f32(64, 16), f32(64, 4)].map((e) => typed(e))
  const error = sub(matmul(x!, w!), y!)
  const next = sub(w!, mul(matmul(transpose([1, 0])(x!), error), 0.1))
  expect(planned(host, [w!, x!, y!], [next, mean()(mul(error, error))], [0])).toMatchSnapshot()
})

it('a loop that keeps its rows, with a product of operands outside', () => {
  const [x, w] = [f32(16), f32(16, 16)]
  const carries = [fill([], 'i32', 0), x, fill([4, 16], 'f32', 0)]
  const { graph, operands } = trace(
    'loop',
    ([i, c, ys]) => {
      const next = reshape([16])(matmul(reshape([1, 16])(typed(c!)), matmul(typed(w), typed(w))))
      const row = reshape([1, 16])(next)
      return [
        primitives.add(i!, fill([], 'i32', 1)),
        next,
        primitives.dynamicUpdateSlice(ys!, row, [i!, fill([], 'i32', 0)]),
      ]
    },
    carries,
  )
  const [, last, rows] = loop(graph, operands.length, 4, [...operands, ...carries])
  expect(planned(host, [x, w], [last!, rows!], [0])).toMatchSnapshot()
})

it('a long sum on a device with many lanes goes in two stages', () => {
  const x = f32(1_000_003)
  expect(planned(parallel, [x], [mean()(typed(x))])).toMatchSnapshot()
})
