// Leaves that a device puts together from pieces: the same as by way of the host, whatever the pieces are; and nothing is left where reading fails.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeviceFailure, nativeDevice, readAsync, type Shape, tensor, type Tensor, wasmDevice } from '@adjoint/tensor'
import { assemblerOf, type Aval, type TensorAssembly, unpackHalves } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { CheckpointFailure } from '../io/failure.ts'
import { filesIn, ggufFile } from '../io/files.support.ts'
import { nodeFiles } from '../io/files.ts'
import { saveWeights } from '../io/save-weights.ts'
import { withWeightsAsync } from '../io/with-weights.ts'
import type { Part, StoredLeaf } from './names.ts'
import { readPieces } from './read-pieces.ts'
import { readWhole } from './read-whole.ts'

const folder = mkdtempSync(join(tmpdir(), 'adjoint-pieces-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Puts tensors together on the host, one element after another, and counts those that are open. */
const plainly = () => {
  let open = 0
  const begin = ({ shape, dtype }: Aval): Promise<TensorAssembly> => {
    open++
    const elements = new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(NaN)
    return Promise.resolve({
      put: ({ bytes, dtype: own, rows, columns, at, rowStride, columnStride }) => {
        const { buffer, byteOffset } = bytes
        const halves = () => new Uint16Array(buffer, byteOffset, rows * columns)
        const given =
          own === 'f32'
            ? new Float32Array(buffer, byteOffset, rows * columns)
            : unpackHalves(own === 'f16' ? own : 'bf16', halves())
        for (let r = 0; r < rows; r++)
          for (let c = 0; c < columns; c++) elements[at + r * rowStride + c * columnStride] = given[r * columns + c]!
        return new Promise((resolve) => setImmediate(resolve))
      },
      finish: () => {
        open--
        return tensor(elements, shape, dtype)
      },
      abandon: () => {
        open--
      },
    })
  }
  return { begin, open: () => open }
}

const sizes = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(31, 32, 33, 64, 70))

/** Leaves, and of what they are made. */
const leaves = fc
  .array(
    fc.record({
      rows: sizes,
      widths: fc.array(sizes, { minLength: 1, maxLength: 3 }),
      transposed: fc.boolean(),
      reversed: fc.boolean(),
      flat: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) =>
    all.map(({ rows, widths, transposed, reversed, flat }, i): StoredLeaf => {
      const width = widths.reduce((a, b) => a + b, 0)
      const parts = widths.map((own, part): Part => {
        const from = widths.slice(0, part).reduce((a, b) => a + b, 0)
        const shape: Shape = flat ? [own] : transposed ? [own, rows] : [rows, own]
        const order = (c: number): number => own - 1 - c
        return {
          name: `${i}.${part}`,
          shape,
          columns: [from, from + own],
          ...(transposed && !flat && reversed && { order }),
        }
      })
      return { path: `leaf ${i}`, shape: flat ? [width] : [rows, width], transposed: transposed && !flat, parts }
    }),
  )

/** A file of all parts, of numbers that f16 and bf16 have as they are. */
const fileOf = async (all: readonly StoredLeaf[], dtype: 'f32' | 'f16' | 'bf16'): Promise<string> => {
  const path = join(folder, 'model.safetensors')
  const tensors = all
    .flatMap(({ parts }) => parts)
    .map(({ name, shape }, i) => {
      const size = shape.reduce((n, d) => n * d, 1)
      return [
        name,
        tensor(
          Float32Array.from({ length: size }, (_, k) => ((i * 37 + k * 5) % 255) - 100),
          shape,
        ),
      ] as const
    })
  const outcome = await saveWeights({ path, dtype })(new Map<string, Tensor>(tensors))()
  if (outcome._tag === 'Left') throw new Error(outcome.left.message)
  return path
}

const dtypes = fc.constantFrom('f32' as const, 'f16' as const, 'bf16' as const)

test('are those that come by way of the host, from pieces of any size, out of any dtype into any', async () => {
  const law = fc.asyncProperty(
    leaves,
    dtypes,
    dtypes,
    fc.constantFrom(1, 32, 100, 1000, 2 ** 19),
    async (all, from, dtype, elements) => {
      const path = await fileOf(all, from)
      const wanted = all.map((leaf) => ({ leaf, shape: leaf.shape }))
      const { begin, open } = plainly()
      const [pieces, whole] = await withWeightsAsync({ path })(
        async (weights) =>
          [
            await readPieces(weights, wanted, { dtype, begin, elements: Math.ceil(elements / 32) * 32 }),
            await readWhole(weights, wanted, { dtype, device: wasmDevice() }),
          ] as const,
      )
      for (const [i, x] of pieces.entries()) {
        expect([x.shape, x.dtype]).toEqual([whole[i]!.shape, whole[i]!.dtype])
        expect(await readAsync(x)).toEqual(await readAsync(whole[i]!))
      }
      expect(open()).toBe(0)
    },
  )
  await fc.assert(law, { seed: 2, numRuns: 40 })
}, 60_000)

test('of a quantised tensor pieces are whole blocks', async () => {
  const [rows, columns] = [70, 64]
  const data = Uint8Array.from({ length: ((rows * columns) / 32) * 34 }, (_, i) =>
    i % 34 === 1 ? 0x3c : i % 34 === 0 ? 0 : (i * 7) % 256,
  )
  const files = filesIn(
    new Map([['m.gguf', ggufFile({ tensors: [{ name: 'w', type: 8, lengths: [columns, rows], data }] }).bytes]]),
  )
  const leaf: StoredLeaf = {
    path: 'w',
    shape: [columns, rows],
    transposed: true,
    parts: [{ name: 'w', shape: [rows, columns], columns: [0, rows] }],
  }
  await withWeightsAsync({ path: 'm.gguf', files })(async (weights) => {
    const [piece] = await readPieces(weights, [{ leaf, shape: leaf.shape }], {
      dtype: 'f32',
      begin: plainly().begin,
      elements: 32,
    })
    const [whole] = await readWhole(weights, [{ leaf, shape: leaf.shape }], { dtype: 'f32', device: wasmDevice() })
    expect(await readAsync(piece!)).toEqual(await readAsync(whole!))
  })
})

describe('where reading fails', () => {
  const leaf = (name: string): StoredLeaf => ({
    path: name,
    shape: [64, 40],
    transposed: true,
    parts: [{ name, shape: [40, 64], columns: [0, 40] }],
  })
  const both = ['a', 'b'].map((name) => ({ leaf: leaf(name), shape: leaf(name).shape }))
  const file = () =>
    fileOf(
      both.map((wanted) => wanted.leaf),
      'f32',
    )

  test('after any piece, all memory is given back, nothing is under way, and the failure is told', async () => {
    const path = await file()
    for (let good = 0; ; good++) {
      const { begin, open } = plainly()
      let [left, reading] = [good + 3, 0] // the header is three ranges
      const files = {
        ...nodeFiles,
        open: async (at: string) => {
          const opened = await nodeFiles.open(at)
          return {
            ...opened,
            read: async (from: number, into: Uint8Array) => {
              if (left-- === 0) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
              reading++
              await new Promise((resolve) => setImmediate(resolve))
              const count = await opened.read(from, into)
              reading--
              return count
            },
            close: () => {
              expect(reading).toBe(0)
              return opened.close()
            },
          }
        },
      }
      const outcome = await withWeightsAsync({ path, files })((weights) =>
        readPieces(weights, both, { dtype: 'f32', begin, elements: 32 }),
      ).then(
        () => 'all',
        (error: unknown) => (error instanceof CheckpointFailure ? error.error._tag : String(error)),
      )
      expect(open()).toBe(0)
      // the other lane ends what it is at, and begins nothing
      expect(left).toBeGreaterThanOrEqual(-2)
      expect(outcome).toBe(left >= 0 ? 'all' : 'FileSystem')
      if (outcome === 'all') break
      expect(good).toBeLessThan(20)
    }
  })

  test('for want of room on the device, it is said before anything is read', async () => {
    const path = await file()
    const { begin, open } = plainly()
    let begun = 0
    const full = new DeviceFailure({ _tag: 'OutOfMemory', message: 'no room', bytes: 1, op: 'upload', site: '' })
    const reading = withWeightsAsync({ path })((weights) =>
      readPieces(weights, both, {
        dtype: 'f32',
        begin: (aval) => (begun++ === 1 ? Promise.reject(full) : begin(aval)),
      }),
    )
    await expect(reading).rejects.toMatchObject({ error: { _tag: 'Device', error: { _tag: 'OutOfMemory' } } })
    expect(open()).toBe(0)
  })
})

test.runIf(inject('devices').includes('native'))(
  'a native device puts together what a wasm device is given',
  async () => {
    const opened = await nativeDevice()()
    if (opened._tag === 'Left') throw new Error(opened.left.message)
    const device = opened.right
    const begin = assemblerOf(device)!
    const all: readonly StoredLeaf[] = [
      { path: 'turned', shape: [33, 70], transposed: true, parts: [{ name: 'x', shape: [70, 33], columns: [0, 70] }] },
      { path: 'whole', shape: [5, 7], transposed: false, parts: [{ name: 'y', shape: [5, 7], columns: [0, 7] }] },
    ]
    const wanted = all.map((leaf) => ({ leaf, shape: leaf.shape }))
    for (const from of ['f32', 'f16', 'bf16'] as const)
      for (const dtype of ['f32', 'f16', 'bf16'] as const) {
        const path = await fileOf(all, from)
        await withWeightsAsync({ path })(async (weights) => {
          const pieces = await readPieces(weights, wanted, { dtype, begin, elements: 32 })
          const whole = await readWhole(weights, wanted, { dtype, device: wasmDevice() })
          for (const [i, x] of pieces.entries()) expect(await readAsync(x)).toEqual(await readAsync(whole[i]!))
        })
      }
    await device.destroy()
  },
)
