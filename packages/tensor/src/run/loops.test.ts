/** Random programs of loops on every device: loops inside loops, flags, swaps, stacks, arguments donated through carries. */
import {
  buildLoops,
  describeLoops,
  loopPrograms,
  meaningOfLoops,
  mismatch,
  presentDevices,
  tolerances,
} from '@adjoint/testing'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { jit, readAsync, realizeAsync, type Tensor, tensor } from '../index.ts'

type F32 = Tensor<readonly number[], 'f32'>
type I32 = Tensor<readonly [], 'i32'>
const seed = Number(process.env['ADJOINT_SEED'] ?? 9)
const runs = process.env['ADJOINT_RUNS']

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('%s', (kind, device) => {
  it('random loops mean what they mean', { timeout: 100_000_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(loopPrograms(), fc.boolean(), async (program, compiled) => {
        const { shape, inputs, row, donated } = program
        const donate = donated.flatMap((d, i) => (d ? [i + 1] : []))
        const f = (at: I32, ...xs: readonly F32[]): readonly F32[] => buildLoops(program)(xs, at)
        const args = await Promise.all(inputs.map((x) => realizeAsync(tensor(Float32Array.from(x), shape), device)))
        const at = tensor(Int32Array.of(row), [], 'i32')
        const results = compiled ? jit(f, { donate, device })(at, ...args) : f(at, ...args)
        const wanted = meaningOfLoops(program)
        for (const [i, result] of results.entries()) {
          const off = mismatch(await readAsync(result, device), wanted[i]!, tolerances.f32Long)
          if (off !== null) throw new Error(`result ${i}: ${off}\n${describeLoops(program)}`)
        }
      }),
      { seed, numRuns: runs === undefined ? (kind === 'webgpu' ? 25 : 100) : Number(runs) },
    )
  })
})
