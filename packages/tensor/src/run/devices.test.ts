/** The law of devices: each computes what the double-precision reference computes, for every primitive. */
import { cases, close, presentDevices, programs, tolerances, type Tolerance } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFloat } from '../base/dtype.ts'
import { evaluate } from '../graph/evaluate.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { constant } from '../primitives/leaves.ts'
import { readAsync, realizeAsync } from './realize.ts'
import type { Device } from '../graph/device.ts'
import { typed } from '../graph/tensor.ts'
import { dtypes } from '../base/dtype.ts'

const devices = (await presentDevices()).filter((device) => device.kind !== 'reference')

type Data = Parameters<typeof toConstant>[0]
const toConstant = (x: {
  readonly data: ArrayLike<number>
  readonly shape: readonly number[]
  readonly dtype: Expr['dtype']
}): Expr => {
  const host = dtypes[x.dtype].allocate(x.data.length)
  host.set(Array.from(x.data))
  return constant(host, x.shape, x.dtype)
}

/** What the adapter's driver may round: WGSL allows transcendental functions a few ulp and more. */
const toleranceOn = (device: Device, x: Expr): Tolerance =>
  isFloat(x.dtype) ? (device.kind === 'webgpu' ? tolerances.f32Long : tolerances.f32) : tolerances.exact

const expectLikeReference = async (
  device: Device,
  roots: readonly Expr[],
  name: (i: number) => string,
): Promise<void> => {
  const expected = evaluate(roots)
  const computed = await realizeAsync(
    roots.map((r) => typed(r)),
    device,
  )
  for (const [i, x] of computed.entries()) {
    const actual = await readAsync(x)
    const wanted = expected[i]!.data
    expect(actual.length).toBe(wanted.length)
    const tolerance = toleranceOn(device, x)
    for (let j = 0; j < wanted.length; j++) {
      const rounded = dtypes[x.dtype].round(wanted[j]!)
      if (!close(actual[j]!, rounded, tolerance))
        throw new Error(`${name(i)}: element ${j} is ${actual[j]!} instead of ${rounded}`)
    }
  }
}

describe.each(devices.map((device) => [device.kind, device] as const))(
  '%s computes what the reference does',
  (kind, device) => {
    const each = kind === 'wasm' ? 25 : 3
    const all = [...cases]
    const SHARE = 12
    const shares = Array.from({ length: Math.ceil(all.length / SHARE) }, (_, i) =>
      all.slice(i * SHARE, (i + 1) * SHARE),
    )
    it.each(shares.map((share) => [share.map(([prim]) => prim.name).join(' '), share] as const))(
      '%s',
      async (_, share) => {
        // Many applications in one program: a software adapter takes its time to compile a pipeline.
        const applications = share.flatMap(([prim, arbitrary]) =>
          fc.sample(arbitrary, { seed: 20, numRuns: each }).map((sample) => ({ prim, ...sample })),
        )
        const roots = applications.map(({ prim, args, params }) =>
          apply(prim as Primitive<unknown>, (args as readonly Data[]).map(toConstant), params),
        )
        await expectLikeReference(device, roots, (i) => {
          const { prim, args, params } = applications[i]!
          return `${prim.name}(${JSON.stringify(params)}) of ${JSON.stringify(args)}`
        })
      },
      120_000,
    )

    it('random programs', async () => {
      await fc.assert(
        fc.asyncProperty(programs({ maxSteps: 10 }), async ({ build, inputs }) => {
          const roots = build(inputs.map((x) => toConstant(x as Data))).slice(0, 3)
          await expectLikeReference(device, roots, (i) => `output ${i}`)
        }),
        { seed: 21, numRuns: kind === 'wasm' ? 200 : 8, endOnFailure: true },
      )
    }, 120_000)

    it('more rows than a dispatch has workgroups, odd sizes, and empty arrays', async () => {
      const rows = toConstant({
        data: Float32Array.from({ length: 70_001 * 3 }, (_, i) => Math.sin(i)),
        shape: [70_001, 3],
        dtype: 'f32',
      })
      const { reduceMax, reduceSum, exp, dot, transpose, reshape, slice } = await import('../primitives/index.ts')
      const a = slice(rows, [0, 0], [129, 3])
      const empty = toConstant({ data: [], shape: [0, 3], dtype: 'f32' })
      await expectLikeReference(
        device,
        [
          exp(rows),
          reduceMax(rows, [1]),
          reduceSum(reshape(slice(rows, [0, 0], [70_000, 3]), [210, 1000]), [1]),
          dot(a, transpose(a, [1, 0])),
          dot(transpose(a, [1, 0]), a),
          reduceSum(empty, [0]),
          dot(transpose(empty, [1, 0]), empty),
        ],
        (i) => `output ${i}`,
      )
    }, 120_000)
  },
)
