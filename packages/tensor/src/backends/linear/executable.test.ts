import { describe, expect, it } from 'vitest'
import { add, jit, mul, readAsync, realizeAsync, sum, tensor, type Tensor } from '../../index.ts'
import { host } from '../../compile/capabilities.support.ts'
import { createKernels } from '../wasm/kernels.ts'
import { createMemory } from '../wasm/memory.ts'
import { linearDevice } from './device.ts'
import type { CompiledKernel } from './machine.ts'

/** A device whose kernels run so many times before one traps, in the midst of its work. */
const trapping = (most: number) => {
  const left = { runs: most }
  const memory = createMemory()
  const kernels = createKernels(memory.memory)
  const withTrap = ({ call, ...rest }: CompiledKernel): CompiledKernel => ({
    ...rest,
    call: (...args) => {
      call(...args)
      if (left.runs-- === 0) throw new RangeError('a trap')
    },
  })
  const device = linearDevice({
    kind: 'wasm',
    label: 'a device with a trap',
    room: 'little',
    capabilities: host,
    memory,
    kernels: { ...kernels, of: (wanted) => kernels.of(wanted).map((functions) => functions.map(withTrap)) },
    measured: () => 0,
  })
  return { device, left }
}

describe('a kernel that traps half way', () => {
  // two sums part the kernels; x and y are overwritten, z is not
  const step = (x: Tensor, y: Tensor, z: Tensor): readonly Tensor[] => {
    const next = add(mul(x, 2), sum()(z))
    return [next, mul(y, sum()(next)), add(z, 1)]
  }
  const given = (): readonly Tensor[] =>
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ].map((data) => tensor(data))
  const kernels = (): number => {
    const { device } = trapping(Infinity)
    const f = jit(step, { device })
    const [x, y, z] = given()
    return f.program(x!, y!, z!)!.steps.filter(({ kind }) => kind === 'kernel').length
  }

  it.each(Array.from({ length: kernels() }, (_, i) => i))(
    'after %i others: what was donated is gone, and says why; all else is as it was',
    async (after) => {
      const { device, left } = trapping(Infinity)
      const f = jit(step, { device, donate: [0, 1] })
      const z = await realizeAsync(given()[2]!, device)
      const failing = async (): Promise<readonly [Tensor, Tensor]> => {
        const [x, y] = (await realizeAsync(given().slice(0, 2), device)) as [Tensor, Tensor]
        f.program(x, y, z)
        left.runs = after
        expect(() => f(x, y, z)).toThrow(/a trap \(asked for at /)
        left.runs = Infinity
        return [x, y]
      }
      const [x, y] = await failing()
      const { liveBytes } = device.stats()
      await failing()
      expect(device.stats().liveBytes).toBe(liveBytes)
      for (const lost of [x, y])
        await expect(readAsync(lost)).rejects.toThrow(
          'f32[2] can no longer be used: it was donated to a compiled call, which failed and may have overwritten a part of it',
        )
      expect(() => f(x, y, z)).toThrow(/can no longer be used/)
      expect(await readAsync(z)).toEqual(Float32Array.of(5, 6))
      const results = f(...((await realizeAsync(given().slice(0, 2), device)) as [Tensor, Tensor]), z)
      expect(await Promise.all(results.map((r) => readAsync(r)))).toEqual([
        Float32Array.of(13, 15),
        Float32Array.of(84, 112),
        Float32Array.of(6, 7),
      ])
    },
  )
})
