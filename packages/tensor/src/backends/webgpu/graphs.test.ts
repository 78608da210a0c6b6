import { mismatch, programs, tolerances } from '@adjoint/testing'
import * as fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { HostArray } from '../../base/dtype.ts'
import { hostDataIn } from '../../compile/playing.support.ts'
import { evaluate } from '../../graph/evaluate.ts'
import type { Expr } from '../../graph/expr.ts'
import * as p from '../../primitives/index.ts'
import type { WebgpuDevice } from './face.ts'
import { webgpuDevice } from './open.ts'

/** Runs the roots on the device, their constants as inputs; the results in order. */
const run = async (
  device: WebgpuDevice,
  build: (inputs: readonly Expr[]) => readonly Expr[],
  inputs: readonly Expr[],
): Promise<readonly HostArray[]> => {
  const stands = inputs.map(p.parameter)
  const outputs = build(stands)
  // what the graph closes over
  const data = hostDataIn(stands, outputs)
  const all = [...stands, ...data]
  const executable = device.compile({ inputs: all, outputs, donated: all.map(() => false) })
  const given = [...inputs, ...data].map((x) => device.upload((x.node.params as p.ConstantParams).data, x))
  const results: HostArray[] = []
  for (const r of executable.run(given)) {
    const read = await device.download(r)()
    if (E.isLeft(read)) throw new Error(read.left.message)
    results.push(read.right)
  }
  return results
}

const f32 = (shape: readonly number[], f: (i: number) => number = (i) => Math.sin(1 + i * 1.3) * 2): Expr =>
  p.constant(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => f(i)),
    shape,
    'f32',
  )
const i32 = (values: readonly number[], shape: readonly number[] = [values.length]): Expr =>
  p.constant(Int32Array.from(values), shape, 'i32')

describe.runIf(inject('devices').includes('webgpu'))('graphs on the adapter', () => {
  let device: WebgpuDevice
  beforeAll(async () => {
    const opened = await webgpuDevice()()
    if (E.isLeft(opened)) throw new Error(opened.left.message)
    device = opened.right
  })
  afterAll(() => device.destroy())

  const expectLikeReference = async (
    build: (inputs: readonly Expr[]) => readonly Expr[],
    inputs: readonly Expr[],
  ): Promise<void> => {
    const actual = await run(device, build, inputs)
    const expected = evaluate(build(inputs))
    expected.forEach((e, i) => expect(mismatch(actual[i]!, e.data, tolerances.f32Long)).toBeNull())
  }

  it('random programs give what the reference gives', { timeout: 60_000 }, () =>
    fc.assert(
      fc.asyncProperty(programs({ maxSteps: 8 }), async ({ build, inputs }) => {
        await expectLikeReference(
          (xs) => build(xs).slice(0, 3),
          inputs.map((x) => p.constant(Float32Array.from(x.data), x.shape, 'f32')),
        )
      }),
      { seed: 11, numRuns: 15, endOnFailure: true },
    ),
  )

  it('gathers, scatters, sorts, runs sums and updates as the reference does', async () => {
    const x = f32([5, 7])
    const indices = i32([4, 0, 0, 9, -3, 2])
    await expectLikeReference(
      ([a, at]) => [
        p.take(a!, at!, 0),
        p.scatterAdd(a!, at!, p.take(a!, p.neg(at!), 0), 0),
        p.argsort(a!, 1, true),
        p.takeAlongAxis(a!, p.argsort(a!, 1, false), 1),
        p.cumsum(a!, 0, true),
        p.dynamicSlice(a!, [p.reshape(p.sliceAxis(at!, 0, 5, 6), []), p.fill([], 'i32', 3)], [2, 3]),
        p.dynamicUpdateSlice(a!, p.sliceAxis(a!, 0, 0, 2), [
          p.reshape(p.sliceAxis(at!, 0, 0, 1), []),
          p.fill([], 'i32', 0),
        ]),
      ],
      [x, indices],
    )
  })

  it('has the bits of threefry and of integer arithmetic', async () => {
    await expectLikeReference(
      ([k]) => {
        const u = p.cast('u32', k!)
        const bits = p.threefry(u, p.fillLike(u, 7), p.iota([6], 0, 'u32'), p.fillLike(u, 3), 0)
        return [
          bits,
          p.shr(bits, p.fillLike(u, 9)),
          p.lt(bits, p.threefry(u, u, u, u, 1)),
          p.mod(k!, p.fillLike(k!, 3)),
        ]
      },
      [i32([0, 1, -1, 65536, 2147483647, -7])],
    )
  })

  it('handles scalars, empty tensors and sizes beyond every tile', async () => {
    await expectLikeReference(
      ([s, none, big]) => [
        p.exp(s!),
        p.reduceSum(none!, [0]),
        p.reduceMax(p.concat([none!, p.broadcastTo(p.reshape(s!, [1, 1]), [2, 3])], 0), [0]),
        p.reduceSum(big!, [0, 1]),
        p.reduceSum(p.mul(big!, big!), [0]),
        p.dot(big!, p.matrixTranspose(big!)),
        p.dot(none!, p.matrixTranspose(none!)),
        p.dot(p.matrixTranspose(none!), none!),
      ],
      [f32([]), f32([0, 3]), f32([67, 131], (i) => Math.sin(i * 0.37))],
    )
  })

  it('reduces a million numbers, and seventy thousand rows', async () => {
    await expectLikeReference(
      ([long, tall]) => [
        p.reduceSum(long!, [0]),
        p.reduceMax(long!, [0]),
        p.reduceSum(tall!, [1]),
        p.reduceMin(tall!, [0]),
      ],
      [f32([1_000_003], (i) => ((i * 7919) % 1000) / 1000 - 0.4), f32([70_001, 3], (i) => ((i * 104729) % 997) / 100)],
    )
  })
})
