import fc from 'fast-check'
import { expect, it } from 'vitest'
import { matmul } from '../ops/linalg.ts'
import { add, mul, tanh } from '../ops/math.ts'
import { sum } from '../ops/reductions.ts'
import { parameter } from '../primitives/index.ts'
import { type Tensor, typed } from '../graph/tensor.ts'
import { host, parallel as many } from './capabilities.support.ts'
import type { Capabilities } from './capabilities.ts'
import type { Program } from '../loops/program.ts'
import { schedule } from './schedule.ts'

const parallel: Capabilities = { ...many, lanes: 512, slab: Infinity }

const arenaOf = ({ slabs }: Program): number => slabs.reduce((a, b) => a + b, 0)
const programOf = (capabilities: Capabilities, shape: readonly number[], f: (x: Tensor) => Tensor): Program => {
  const x = parameter({ shape, dtype: 'f32' })
  return schedule(capabilities)({ inputs: [x], outputs: [f(typed(x))], donated: [false] })
}
/** A chain of products whose values are large and whose end is small. */
const chain =
  (length: number) =>
  (x: Tensor, k: number): Tensor => {
    let y = mul(x, k + 1)
    for (let i = 0; i < length; i++) y = tanh(matmul(y, x))
    return sum()(y)
  }

for (const [name, capabilities] of Object.entries({ host, parallel }))
  it(`independent chains need the memory of one (${name})`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 5 }), (n, length) => {
        const many = (x: Tensor): Tensor =>
          Array.from({ length: n }, (_, k) => chain(length)(x, k)).reduce((a, b) => add(a, b))
        const one = arenaOf(programOf(capabilities, [64, 64], (x) => chain(length)(x, 0)))
        // and a few bytes for each chain's sum
        expect(arenaOf(programOf(capabilities, [64, 64], many))).toBeLessThanOrEqual(one + 512 * n)
      }),
      { seed: 1, numRuns: 20 },
    )
  })

it('a sum of products keeps one sum, not each product', () => {
  const products = (n: number) => (x: Tensor) =>
    Array.from({ length: n }, (_, k) => matmul(tanh(mul(x, k + 1)), x)).reduce((a, b) => add(a, b))
  const [two, nine] = [2, 9].map((n) => programOf(host, [64, 64], products(n)))
  expect(arenaOf(nine!)).toBeLessThanOrEqual(arenaOf(two!) + 64 * 64 * 4)
  expect(nine!.steps.filter((s) => s.kind === 'kernel' && s.kernel.kind === 'dot')).toHaveLength(9)
})

it('the arena is close to what lives at one time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ op: fc.nat(2), x: fc.nat(20), y: fc.nat(20) }), { minLength: 3, maxLength: 25 }),
      (steps) => {
        const program = programOf(host, [32, 32], (x) => {
          const values = [x]
          for (const { op, x: i, y: j } of steps) {
            const [a, b] = [values[i % values.length]!, values[j % values.length]!]
            values.push(op === 0 ? matmul(a, b) : op === 1 ? tanh(add(a, b)) : matmul(tanh(a), b))
          }
          return values.reduce((a, b) => add(a, b))
        })
        expect(arenaOf(program)).toBeGreaterThanOrEqual(program.live)
        expect(arenaOf(program)).toBeLessThanOrEqual(1.15 * program.live)
      },
    ),
    { seed: 2, numRuns: 60 },
  )
})
