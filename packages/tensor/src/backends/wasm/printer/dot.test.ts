import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { DotKernel, KernelBuffer, Store } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import type { Scalar } from '../../../loops/scalar.ts'
import { printDot } from './dot.ts'
import { agrees } from './running.support.ts'

const f32 = (size: number, write = false): KernelBuffer => ({ dtype: 'f32', size, read: !write, write })
const flat = (axes: readonly Axis[]): Ix =>
  I.flatten(
    axes.map(I.ofAxis),
    axes.map((a) => a.extent),
  )

interface Choice {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  /** Orders of the axes of a, b and the result in memory. */
  readonly orders: readonly [boolean, boolean, boolean]
  /** Whether a and b are read through a function. */
  readonly prologues: readonly [boolean, boolean]
  readonly epilogue: boolean
  readonly shared: boolean
}
const kernelOf = ({ batch, m, n, k, orders, prologues, epilogue, shared }: Choice): DotKernel => {
  const [B, M, N, K] = [batch, m, n, k].map((extent, id) => ({ id, extent })) as [Axis, Axis, Axis, Axis]
  const outer = (x: Axis, y: Axis, turned: boolean): readonly Axis[] => (turned ? [y, x] : [x, y])
  const through = (x: Scalar, on: boolean): Scalar =>
    on
      ? S.binary(
          'mul',
          S.unary('tanh', x),
          S.select(S.within(I.ofAxis(K), 1, 7), S.constant('f32', 0.5), S.load(3, I.ofAxis(K), 'f32')),
        )
      : x
  const at = flat([B, ...outer(M, N, orders[2])])
  const sum = S.reduced(0, 'f32')
  const stores: Store[] = [
    {
      buffer: 4,
      at,
      value: epilogue
        ? S.binary(
            'add',
            S.unary('sigmoid', sum),
            S.binary('mul', S.load(2, I.ofAxis(N), 'f32'), S.cast('f32', S.index(I.ofAxis(M)))),
          )
        : sum,
      scope: 'full',
      mode: 'set',
    },
    ...(epilogue
      ? [{ buffer: 5, at: flat([M, B, N]), value: S.unary('neg', sum), scope: 'full', mode: 'set' } as const]
      : []),
  ]
  return {
    kind: 'dot',
    name: 'dot',
    buffers: [
      f32(batch * m * k),
      f32(batch * k * n),
      f32(n),
      f32(k),
      f32(batch * m * n, true),
      f32(batch * m * n, true),
    ],
    batch: [B],
    m: M,
    n: N,
    k: K,
    a: through(S.load(0, flat([B, ...outer(M, K, orders[0])]), 'f32'), prologues[0]),
    b: through(S.load(1, flat([...(shared ? [] : [B]), ...outer(K, N, orders[1])]), 'f32'), prologues[1]),
    stores,
  }
}
const odd = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(15, 16, 17, 22, 31, 33, 48))
const choices = (size: fc.Arbitrary<number>, batch: number): fc.Arbitrary<Choice> =>
  fc.record({
    batch: fc.integer({ min: 1, max: batch }),
    m: size,
    n: size,
    k: size,
    orders: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    prologues: fc.tuple(fc.boolean(), fc.boolean()),
    epilogue: fc.boolean(),
    shared: fc.boolean(),
  })

describe('dot kernels', () => {
  it('agree with the interpreter on every layout, edge, prologue and epilogue', () => {
    fc.assert(
      fc.property(choices(odd, 3), fc.integer(), (choice, seed) => {
        const kernel = kernelOf(choice)
        return agrees(kernel, printDot(kernel), seed)
      }),
      { seed: 5, numRuns: 300 },
    )
  })

  it('agree where k and m are cut into blocks', () => {
    const long = fc.constantFrom(255, 256, 257, 520)
    const rows = fc.constantFrom(1, 2, 5, 255, 256, 259, 514)
    fc.assert(
      fc.property(choices(fc.constantFrom(3, 18), 1), long, rows, fc.integer(), (choice, k, m, seed) => {
        const kernel = kernelOf({ ...choice, k, m })
        return agrees(kernel, printDot(kernel), seed, 2e-3)
      }),
      { seed: 5, numRuns: 16 },
    )
  })

  // The gradient of a matrix of weights: both operands lie against k, which is long.
  it('keep the smaller operand in scratch where both are packed and k is long', () => {
    const turned = { batch: 1, prologues: [false, false], epilogue: false, shared: false } as const
    const scratchOf = (m: number, n: number, k: number): number =>
      printDot(kernelOf({ ...turned, m, n, k, orders: [true, false, false] })).scratchBytes
    const operand = 4 * 64 * 352
    for (const [m, n] of [
      [256, 64],
      [64, 256],
    ] as const) {
      expect(scratchOf(m, n, 352)).toBeGreaterThanOrEqual(operand)
      expect(scratchOf(m, n, 352)).toBeLessThan(1.4 * operand)
    }
    expect(scratchOf(256, 64, 16)).toBeGreaterThan(4 * 256 * 16)
  })

  it('has nothing to do without rows or columns, and writes zeros without terms', () => {
    const base: Choice = {
      batch: 2,
      m: 3,
      n: 5,
      k: 4,
      orders: [false, false, false],
      prologues: [false, false],
      epilogue: false,
      shared: false,
    }
    for (const part of [{ m: 0 }, { n: 0 }, { k: 0 }, { batch: 0 }]) {
      const kernel = kernelOf({ ...base, ...part })
      agrees(kernel, printDot(kernel), 1)
    }
  })
})
