// Safetensors files that were damaged: an error or a reading, never a crash, and never more read than the file has.
import type { DType } from '@adjoint/tensor'
import fc from 'fast-check'
import { type Either, isLeft, isRight, right } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import { filesIn, safetensorsFile } from './files.support.ts'
import { withWeights } from './with-weights.ts'

const path = 'm/model.safetensors'
const opens = (files: ReturnType<typeof filesIn>) => withWeights({ path, files })(() => TE.right('used'))()

describe('a safetensors file that was damaged', () => {
  const tensor = fc
    .record({
      dtype: fc.constantFrom('F32' as const, 'BF16' as const, 'I64' as const, 'BOOL' as const, 'F8_E4M3' as const),
      shape: fc.array(fc.nat(3), { maxLength: 3 }),
    })
    .map(({ dtype, shape }) => ({
      dtype,
      shape,
      bytes: shape.reduce((n, d) => n * d, { F32: 4, BF16: 2, I64: 8, BOOL: 1, F8_E4M3: 1 }[dtype]),
    }))
  const file = fc.array(tensor, { maxLength: 4 }).map((tensors) => {
    let at = 0
    const entries = tensors.map(({ dtype, shape, bytes }, i) => {
      at += bytes
      return [`t${i}`, { dtype, shape, data_offsets: [at - bytes, at] }] as const
    })
    return safetensorsFile(
      { __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) },
      new Uint8Array(at).fill(1),
    )
  })
  const wanted: Readonly<Record<string, DType>> = { I64: 'i32', BOOL: 'bool' }
  const survives = async (bytes: Uint8Array): Promise<void> => {
    const files = filesIn(new Map([[path, bytes]]))
    const found = await withWeights({ path, files })(({ tensors }) => async (): Promise<Either<never, null>> => {
      for (const { dtype, shape, read } of tensors.values()) {
        const data = await read(wanted[dtype] ?? 'f32')()
        if (isRight(data)) expect(data.right).toHaveLength(shape.reduce((n, d) => n * d, 1))
        else expect(data.left._tag).toBe('Unsupported')
      }
      return right(null)
    })()
    if (isLeft(found)) expect(found.left._tag).toBe('Corrupt')
    expect(files.record.open).toBe(0)
    expect(files.record.ranges.reduce((n, [, , count]) => n + count, 0)).toBeLessThanOrEqual(2 * bytes.length + 16)
  }

  test('in any of its bytes, or cut anywhere', async () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(file, flips, fc.nat(), async (bytes, places, cut) => {
        const bad = Uint8Array.from(bytes)
        for (const [at, by] of places) bad[at % bad.length]! ^= by
        await survives(bad)
        expect(await opens(filesIn(new Map([[path, bytes]])))).toEqual(right('used'))
        expect(await opens(filesIn(new Map([[path, bytes.subarray(0, cut % bytes.length)]])))).toMatchObject({
          left: { _tag: 'Corrupt' },
        })
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  test('in any of its numbers, which claim up to 2^64 and beyond', async () => {
    const huge = fc.oneof(
      fc.bigInt({ min: -1n, max: 2n ** 66n }),
      fc.integer({ min: 0, max: 66 }).map((bits) => 2n ** BigInt(bits) - 1n),
    )
    await fc.assert(
      fc.asyncProperty(file, fc.nat(), huge, async (bytes, which, value) => {
        const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
        const text = new TextDecoder().decode(bytes.subarray(8, 8 + length))
        const numbers = [...text.matchAll(/(?<=[[,])\d+/g)]
        const number = numbers[which % Math.max(1, numbers.length)]
        const at = number?.index ?? 0
        const changed = number === undefined ? text : `${text.slice(0, at)}${value}${text.slice(at + number[0].length)}`
        await survives(safetensorsFile(changed, bytes.subarray(8 + length)))
        const prefix = Uint8Array.from(bytes)
        new DataView(prefix.buffer).setBigUint64(0, BigInt.asUintN(64, value), true)
        await survives(prefix)
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})
