// Tensors that a native device puts together from pieces: each element at its place, none elsewhere, and no memory lost.
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Piece } from '../../graph/device.ts'
import type { NativeDevice } from './face.ts'
import { nativeDevice } from './open.ts'

describe.runIf(inject('devices').includes('native'))('a native device', () => {
  let device: NativeDevice
  beforeAll(async () => {
    const opened = await nativeDevice()()
    if (E.isLeft(opened)) throw new Error(opened.left.message)
    device = opened.right
  })
  afterAll(() => device.destroy())
  const piece = (given: Partial<Piece>): Piece => ({
    ...{ bytes: new Uint8Array(24), dtype: 'f32', rows: 2, columns: 3, at: 0, rowStride: 3, columnStride: 1 },
    ...given,
  })

  it('takes any number of pieces at once', async () => {
    const { put, finish } = device.assemble!({ shape: [600], dtype: 'i32' })
    const one = (i: number): Piece =>
      piece({ bytes: new Uint8Array(Int32Array.of(i).buffer), dtype: 'i32', rows: 1, columns: 1, at: i })
    await Promise.all(Array.from({ length: 600 }, (_, i) => put(one(i))))
    const read = await device.download(finish())()
    expect(E.isRight(read) && Array.from(read.right)).toEqual(Array.from({ length: 600 }, (_, i) => i))
  })

  it('has each element of each piece at its place, of any dtype, whichever way the strides go', async () => {
    const law = fc.asyncProperty(
      fc.record({
        rows: fc.integer({ min: 1, max: 40 }),
        columns: fc.integer({ min: 1, max: 40 }),
        before: fc.integer({ min: 0, max: 5 }),
        after: fc.integer({ min: 0, max: 5 }),
        turned: fc.boolean(),
        dtype: fc.constantFrom('f32' as const, 'bf16' as const, 'f16' as const, 'i32' as const),
        narrow: fc.boolean(),
        cut: fc.nat({ max: 40 }),
      }),
      async ({ rows, columns, before, after, turned, dtype, narrow, cut }) => {
        // a matrix [outer, width] of which the piece is columns `before` on; small whole numbers, that all dtypes have
        const [outer, own] = turned ? [columns, rows] : [rows, columns]
        const width = before + own + after
        const from = dtype === 'f32' && narrow ? 'bf16' : dtype
        const bitsOf = (x: number): number => {
          const [word] = new Uint32Array(Float32Array.of(x).buffer)
          if (from === 'bf16') return word! >>> 16
          if (from === 'f16') return x === 0 ? 0 : (word! >>> 13) - (112 << 10)
          return from === 'i32' ? x : word!
        }
        const numbers = Array.from({ length: rows * columns }, (_, i) => i % 127)
        const short = from === 'bf16' || from === 'f16'
        const bytes = (a: number, b: number): Uint8Array => {
          const bits = numbers.slice(a * columns, b * columns).map(bitsOf)
          return new Uint8Array((short ? Uint16Array.from(bits) : Uint32Array.from(bits)).buffer)
        }
        const [rowStride, columnStride] = turned ? [1, width] : [width, 1]
        const { put, finish } = device.assemble!({ shape: [outer, width], dtype })
        const half = Math.min(cut, rows)
        const zeros = new Uint8Array((dtype === 'f16' || dtype === 'bf16' ? 2 : 4) * outer * width)
        await put({ bytes: zeros, dtype, rows: 1, columns: outer * width, at: 0, rowStride: 0, columnStride: 1 })
        await Promise.all(
          (
            [
              [0, half],
              [half, rows],
            ] as const
          ).map(([a, b]) =>
            put({
              ...{ bytes: bytes(a, b), dtype: from, rows: b - a, columns, rowStride, columnStride },
              at: before + a * rowStride,
            }),
          ),
        )
        const storage = finish()
        const found = await device.download(storage)()
        device.release(storage)
        if (E.isLeft(found)) throw new Error(found.left.message)
        for (let o = 0; o < outer; o++)
          for (let w = 0; w < width; w++) {
            const inside = w >= before && w < before + own
            const at = turned ? (w - before) * columns + o : o * columns + w - before
            if (found.right[o * width + w] !== (inside ? numbers[at] : 0)) throw new Error(`element ${o}, ${w}`)
          }
      },
    )
    await fc.assert(law, { seed: 3, numRuns: 150 })
  })

  it.each([
    ['reach behind its end', { at: 1 }],
    ['reach before its beginning', { at: -1 }],
    ['step beyond its end', { rowStride: 4 }],
    ['step backwards', { at: 5, rowStride: -3 }],
    ['have fewer bytes than elements', { bytes: new Uint8Array(20) }],
    ['have more bytes than elements', { bytes: new Uint8Array(28) }],
    ['are of no whole number of rows', { rows: 1.5 }],
  ])('refuses pieces that %s', async (_, wrong) => {
    const { put, abandon } = device.assemble!({ shape: [2, 3], dtype: 'f32' })
    await put(piece({}))
    await expect(put(piece(wrong))).rejects.toThrow(
      /^assemble f32\[2, 3\]: a piece of \d+ bytes, .* does not fit\. Give/,
    )
    abandon()
  })

  it('refuses pieces of another dtype, and any once it is finished', async () => {
    const { put, finish } = device.assemble!({ shape: [2, 3], dtype: 'f32' })
    await expect(put(piece({ dtype: 'i32' }))).rejects.toThrow('assemble f32[2, 3]: a piece of i32 was put.')
    await expect(put(piece({ dtype: 'f16', bytes: new Uint8Array(12) }))).rejects.toThrow('a piece of f16 was put.')
    const under = put(piece({}))
    expect(finish).toThrow('1 pieces are under way. Await them first.')
    await under
    device.release(finish())
    await expect(put(piece({}))).rejects.toThrow('it was finished, and takes no more pieces.')
    expect(finish).toThrow('it was finished already.')
  })

  it('has its memory again when a tensor is abandoned, though pieces are under way', async () => {
    const before = device.stats().liveBytes
    const { put, abandon } = device.assemble!({ shape: [1024, 1024], dtype: 'f32' })
    const bytes = new Uint8Array(4 * 2 ** 20)
    const under = put({ bytes, dtype: 'f32', rows: 1024, columns: 1024, at: 0, rowStride: 1, columnStride: 1024 })
    abandon()
    abandon()
    expect(device.stats().liveBytes).toBeGreaterThan(before)
    await under
    expect(device.stats().liveBytes).toBe(before)
  })

  it('may be destroyed while pieces are under way', async () => {
    const opened = await nativeDevice()()
    if (E.isLeft(opened)) throw new Error(opened.left.message)
    const { put } = opened.right.assemble!({ shape: [2048, 2048], dtype: 'f32' })
    const bytes = new Uint8Array(4 * 2 ** 22)
    const whole = { bytes, dtype: 'f32', rows: 2048, columns: 2048, at: 0, rowStride: 1, columnStride: 2048 } as const
    const under = [put(whole), put(whole)]
    await opened.right.destroy()
    await Promise.all(under)
    await expect(put(whole)).rejects.toThrow('the memory of this native device was given up')
  })
})
