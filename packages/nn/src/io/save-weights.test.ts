// Weights for other tools: what is written is what is read, in whatever shards; a failure leaves what was there.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DType, type HostArray, type Shape, tensor } from '@adjoint/tensor'
import { dtypes } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { isLeft, isRight, left, right } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, describe, expect, test } from 'vitest'
import type { CheckpointError } from './failure.ts'
import { type Files, nodeFiles, replaceBy } from './files.ts'
import { filesIn } from './files.support.ts'
import { type LazyTensor, saveWeights } from './save-weights.ts'
import { withWeightsAsync } from './with-weights.ts'

const folder = mkdtempSync(join(tmpdir(), 'adjoint-weights-'))
afterAll(() => rmSync(folder, { recursive: true }))
let folders = 0
const newPath = (): string => {
  const own = join(folder, String(folders++))
  mkdirSync(own)
  return join(own, 'model.safetensors')
}

const elements: Readonly<Record<DType, fc.Arbitrary<number>>> = {
  f32: fc.float(),
  f16: fc.float({ min: -60000, max: 60000 }),
  bf16: fc.float({ min: -(2 ** 120), max: 2 ** 120 }),
  i32: fc.integer(),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  bool: fc.integer({ min: 0, max: 1 }),
}
interface Named {
  readonly name: string
  readonly dtype: DType
  readonly shape: Shape
  readonly data: readonly number[]
}
const weight = (dtypes: readonly DType[]): fc.Arbitrary<Named> =>
  fc
    .record({
      name: fc.oneof(
        fc.stringMatching(/^[a-z.0-9]{1,6}$/),
        fc.constantFrom('__proto__', 'constructor', '', '7', 'é "x"'),
      ),
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.nat(3), { maxLength: 3 }),
    })
    .chain(({ name, dtype, shape }) => {
      const size = shape.reduce((n, d) => n * d, 1)
      return fc
        .array(elements[dtype], { minLength: size, maxLength: size })
        .map((data) => ({ name, dtype, shape, data }))
    })
const weights = (dtypes: readonly DType[]) =>
  fc.uniqueArray(weight(dtypes), { selector: ({ name }) => name, maxLength: 6 })
const every: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool']
const tensorsOf = (given: readonly Named[]) =>
  new Map(given.map(({ name, dtype, shape, data }) => [name, tensor([...data], shape, dtype)]))
const lazily = (dtype: DType, shape: Shape, read: () => Promise<HostArray>): LazyTensor => ({
  dtype,
  shape,
  read: () => read().then(right),
})
const limits = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 60 }))

describe('weights', () => {
  test('written and read again are what they were, in one file or in shards', async () => {
    await fc.assert(
      fc.asyncProperty(weights(every), limits, async (given, maxShardBytes) => {
        const contents = new Map<string, Uint8Array>()
        const files = filesIn(contents)
        const saved = await saveWeights({ path: 'm/model.safetensors', maxShardBytes, files })(tensorsOf(given))()
        if (!isRight(saved)) return expect.fail(saved.left.message)
        await withWeightsAsync({ path: 'm', files })(async ({ tensors, metadata }) => {
          expect(metadata['format']).toBe('pt')
          expect(new Set(tensors.keys())).toEqual(new Set(given.map(({ name }) => name)))
          for (const { name, dtype, shape, data } of given) {
            const found = tensors.get(name)!
            const read = await found.read(dtype)()
            if (!isRight(read)) return expect.fail(read.left.message)
            expect([found.dtype, found.shape]).toEqual([dtype.toUpperCase(), shape])
            expect([...read.right]).toEqual(data.map((v) => dtypes[dtype].round(v)))
          }
        })
        // each file has what fits, or one tensor
        const sharded = contents.size > 1
        const bytes = given.map(({ dtype, data }) => data.length * (dtype === 'bool' ? 1 : dtypes[dtype].bytes))
        const total = bytes.reduce((x, y) => x + y, 0)
        expect(contents.has('m/model.safetensors.index.json')).toBe(sharded)
        expect(total > maxShardBytes && bytes.filter((n) => n > 0).length > 1).toBe(sharded)
        for (const [path, file] of contents) {
          if (path.endsWith('.json')) continue
          const length = Number(new DataView(file.buffer).getBigUint64(0, true))
          const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Readonly<
            Record<string, { readonly data_offsets: readonly [number, number] }>
          >
          const sizes = Object.entries(header)
            .filter(([key]) => key !== '__metadata__')
            .map(
              ([
                ,
                {
                  data_offsets: [from, to],
                },
              ]) => to - from,
            )
          if (sizes.filter((n) => n > 0).length > 1)
            expect(sizes.reduce((x, y) => x + y, 0)).toBeLessThanOrEqual(maxShardBytes)
        }
      }),
      { seed: 8, numRuns: 200 },
    )
  })

  test('are stored as the dtype asked for, rounded once; integers as they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        weights(['f32', 'bf16', 'i32']),
        fc.constantFrom('f32' as const, 'f16' as const, 'bf16' as const),
        async (given, dtype) => {
          // of the size of weights
          const small = given.map((w) => ({
            ...w,
            data: w.dtype === 'i32' ? w.data : w.data.map((v) => dtypes[w.dtype].round(v % 1000)),
          }))
          const files = filesIn(new Map())
          await saveWeights({ path: 'x', dtype, files })(tensorsOf(small))()
          await withWeightsAsync({ path: 'x', files })(async ({ tensors }) => {
            for (const { name, dtype: own, data } of small) {
              const stored = own === 'i32' ? own : dtype
              expect(tensors.get(name)!.dtype).toBe(stored.toUpperCase())
              const read = await tensors.get(name)!.read(stored)()
              expect(isRight(read) && [...read.right]).toEqual(data.map((v) => dtypes[stored].round(v)))
            }
          })
        },
      ),
      { seed: 9, numRuns: 100 },
    )
  })

  test('have the names of Hugging Face, and an index that says where each is', async () => {
    const path = newPath()
    const ones = tensor(new Float32Array(4).fill(1), [4])
    await saveWeights({ path, maxShardBytes: 32 })(new Map(['c', 'a', 'b'].map((name) => [name, ones])))()
    const own = join(path, '..')
    expect(readdirSync(own).sort()).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ])
    expect(JSON.parse(readFileSync(`${path}.index.json`, 'utf8'))).toEqual({
      metadata: { total_size: 48 },
      weight_map: {
        c: 'model-00001-of-00002.safetensors',
        a: 'model-00001-of-00002.safetensors',
        b: 'model-00002-of-00002.safetensors',
      },
    })
  })

  test('are read one after another, each when the one before it is written', async () => {
    const steps: string[] = []
    const files: Files = {
      ...filesIn(new Map()),
      replace: async ([file]) => {
        for await (const piece of file!.pieces) steps.push(`wrote ${piece.length > 30 ? 'header' : piece.length}`)
      },
    }
    const lazy = ['a', 'b', 'c'].map((name, i) => {
      const read = async () => {
        steps.push(`read ${name}`)
        return new Float32Array(i + 1)
      }
      return [name, lazily('f32', [i + 1], read)] as const
    })
    await saveWeights({ path: 'x', files })(new Map(lazy))()
    expect(steps).toEqual(['wrote header', 'read a', 'wrote 4', 'read b', 'wrote 8', 'read c', 'wrote 12'])
  })

  test('of another file are written as they are read', async () => {
    const files = filesIn(new Map())
    await saveWeights({ path: 'from', files })(new Map([['w', tensor([1, 2, 3])]]))()
    await withWeightsAsync({ path: 'from', files })(async ({ tensors }) => {
      const lazy = [...tensors].map(
        ([name, { shape, read }]) => [name, { shape, dtype: 'bf16' as const, read: read('bf16') }] as const,
      )
      expect(await saveWeights({ path: 'to', files })(new Map(lazy))()).toEqual(right(undefined))
    })
    await withWeightsAsync({ path: 'to', files })(async ({ tensors }) => {
      expect(tensors.get('w')!.dtype).toBe('BF16')
      expect(await tensors.get('w')!.read('f32')()).toEqual(right(Float32Array.of(1, 2, 3)))
    })
  })

  test("a name of the format's own, elements that are not as described, and a limit of 0 are mistakes of the program", async () => {
    const files = filesIn(new Map())
    const save = saveWeights({ path: 'x', files })
    await expect(save(new Map([['__metadata__', tensor([1])]]))()).rejects.toThrow(/no tensor can have the name/)
    const short = lazily('f32', [3], async () => new Float32Array(2))
    await expect(save(new Map([['w', short]]))()).rejects.toThrow(/w gave 2 elements, and its shape \[3\] has 3/)
    expect(() => saveWeights({ path: 'x', maxShardBytes: 0 })).toThrow(RangeError)
  })
})

describe('saving again', () => {
  const one = new Map([['w', tensor([1, 2])]])
  const two = new Map(['a', 'b'].map((name) => [name, tensor([3, 4])]))
  const three = new Map(['a', 'b', 'c'].map((name) => [name, tensor([5, 6])]))
  const kinds = { one: [one, Infinity], two: [two, 8], three: [three, 8] } as const
  const names = Object.keys(kinds) as readonly (keyof typeof kinds)[]
  const save = (path: string, kind: keyof typeof kinds, files: Files = nodeFiles) =>
    saveWeights({ path, maxShardBytes: kinds[kind][1], files })(kinds[kind][0])()
  const listing = (path: string) => {
    const own = join(path, '..')
    return readdirSync(own)
      .sort()
      .map((name) => [name, readFileSync(join(own, name), 'latin1')])
  }

  test.each(names.flatMap((x) => names.map((y) => [x, y] as const)))(
    '%s file(s), then %s: only the latter are left',
    async (before, after) => {
      const path = newPath()
      await save(path, before)
      writeFileSync(join(path, '..', 'config.json'), '{}')
      expect(await save(path, after)).toEqual(right(undefined))
      const fresh = newPath()
      await save(fresh, after)
      writeFileSync(join(fresh, '..', 'config.json'), '{}')
      expect(listing(path)).toEqual(listing(fresh))
      const found = await withWeightsAsync({ path: join(path, '..') })(async ({ tensors }) => [...tensors.keys()])
      expect(found).toEqual([...kinds[after][0].keys()])
    },
  )

  /** Node's files, whose n-th call to write or to rename fails. */
  const failing = (at: number, code: string): { readonly files: Files; readonly calls: () => number } => {
    let [calls, failed] = [0, false]
    const count =
      <A extends readonly unknown[]>(call: (...args: A) => Promise<void>) =>
      async (...args: A): Promise<void> => {
        // the way back succeeds
        if (!failed && calls++ === at) {
          failed = true
          throw Object.assign(new Error(`${code}: no`), { code })
        }
        await call(...args)
      }
    const writeThrough = async (
      path: string,
      pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    ): Promise<void> => {
      writeFileSync(path, '')
      for await (const piece of pieces) await count(async () => writeFileSync(path, piece, { flag: 'a' }))()
    }
    const { rename } = fs
    const files = {
      ...nodeFiles,
      replace: replaceBy({ writeThrough, rename: count(rename), remove: fs.remove, syncFolder: async () => undefined }),
    }
    return { files, calls: () => calls }
  }
  const fs = {
    rename: async (from: string, to: string) => (await import('node:fs/promises')).rename(from, to),
    remove: async (path: string) => rmSync(path, { force: true }),
  }

  test.each(names.flatMap((x) => names.map((y) => [x, y] as const)))(
    '%s file(s), then %s, failing at any moment: all is as it was',
    async (before, after) => {
      const sound = newPath()
      await save(sound, before)
      const counting = failing(-1, '')
      await save(sound, after, counting.files)
      expect(counting.calls()).toBeGreaterThan(2)
      for (let at = 0; at < counting.calls(); at++) {
        const path = newPath()
        await save(path, before)
        const was = listing(path)
        expect(await save(path, after, failing(at, 'ENOSPC').files)).toMatchObject({ left: { _tag: 'NoSpace', path } })
        expect(listing(path)).toEqual(was)
      }
    },
  )

  test('a tensor that cannot be read, or not stored so, leaves all as it was', async () => {
    const path = newPath()
    await save(path, 'two')
    const was = listing(path)
    const error: CheckpointError = { _tag: 'Corrupt', path: 'other', fault: 'Cut', message: 'cut' }
    const broken: LazyTensor = { dtype: 'f32', shape: [2], read: TE.left(error) }
    const weights = new Map<string, LazyTensor>([
      ['a', lazily('f32', [2], async () => Float32Array.of(1, 7e4))],
      ['b', broken],
    ])
    expect(await saveWeights({ path, maxShardBytes: 8 })(weights)()).toEqual(left(error))
    expect(listing(path)).toEqual(was)
    const beyond = await saveWeights({ path, dtype: 'f16' })(weights)()
    expect(beyond).toMatchObject({ left: { _tag: 'Unsupported', leaf: 'a', path } })
    expect(isLeft(beyond) && beyond.left.message).toMatch(/of a, its element 1 is beyond f16/)
    expect(listing(path)).toEqual(was)
  })

  test('a folder that is not there', async () => {
    const path = join(newPath(), 'no', 'model.safetensors')
    expect(await save(path, 'one')).toMatchObject({ left: { _tag: 'MissingFile', path } })
  })
})
