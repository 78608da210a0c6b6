/**
 * What a program computes does not depend on what is written where: random programs of updates, scatters and scans with
 * random donation, gradients and results fed back, on every device against double precision.
 */
import { jit, readAsync, realizeAsync, type Tensor, tensor, type Device } from '@adjoint/tensor'
import {
  buildUpdates,
  describeUpdates,
  feedsBack,
  mismatch,
  playUpdates,
  presentDevices,
  updatePrograms,
  type UpdateProgram,
} from '@adjoint/testing'
import fc from 'fast-check'
import { describe, it } from 'vitest'

const tolerance = { relative: 1e-3, absolute: 2e-4 }
/** Runs of the law, and its seed: more of them by hand with ADJOINT_RUNS and ADJOINT_SEED. */
const runs = (standard: number): number => Number(process.env['ADJOINT_RUNS'] ?? standard)
const seed = Number(process.env['ADJOINT_SEED'] ?? 11)

type F32 = Tensor<readonly number[], 'f32'>

/** Null where the device computes what double precision does, and leaves alone what was not donated. */
const wrong = async (device: Device, program: UpdateProgram): Promise<string | null> => {
  const { shape, inputs, row, donated, compiled } = program
  const expected = playUpdates(program)
  const f = buildUpdates(program)
  const donate = donated.flatMap((d, i) => (d ? [i] : []))
  const run = jit((...args: readonly Tensor[]) => f(args.slice(0, -1) as readonly F32[], args.at(-1) as never), {
    donate,
    device,
  })
  const at = await realizeAsync(tensor(Int32Array.of(row), [], 'i32'), device)
  let args: readonly F32[] = await realizeAsync(
    inputs.map((x) => tensor(Float32Array.from(x), shape) as F32),
    device,
  )
  for (const [call, wanted] of expected.entries()) {
    const before = await Promise.all(
      args.map((x, i) => (compiled && donated[i]! ? Promise.resolve(null) : readCopy(x))),
    )
    const results = compiled ? run(...args, at) : await realizeAsync(f(args, at), device)
    for (const [i, x] of args.entries()) {
      const was = before[i]
      if (was === null || was === undefined) continue
      const changed = mismatch(await readCopy(x), was, { relative: 0, absolute: 0 })
      if (changed !== null) return `call ${call}: argument ${i} was not donated, and its ${changed}`
    }
    for (const [i, x] of results.entries()) {
      const off = mismatch(await readCopy(x), wanted[i]!, tolerance)
      if (off !== null) return `call ${call}, result ${i}: ${off}`
    }
    if (feedsBack(program)) args = results
  }
  return null
}
const readCopy = async (x: F32): Promise<Float32Array> => (await readAsync(x)).slice()

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('%s', (kind, device) => {
  it('computes programs that write in place as double precision does', { timeout: 100_000_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(updatePrograms(), async (program) => {
        const what = await wrong(device, program)
        if (what !== null) throw new Error(`${what}\n  ${describeUpdates(program)}`)
      }),
      { seed, numRuns: runs(kind === 'webgpu' ? 30 : 120) },
    )
  })
})
