import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DType, readAsync, type Shape, tensor, tree, type Tree } from '@adjoint/tensor'
import { isRight } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts'
import { type Files, nodeFiles, replaceBy } from './files.ts'

const folder = mkdtempSync(join(tmpdir(), 'adjoint-checkpoint-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const newPath = (): string => {
  const own = join(folder, String(files++))
  mkdirSync(own)
  return join(own, 'x.safetensors')
}
const values = (t: Tree): Promise<readonly (readonly number[])[]> =>
  Promise.all(tree.leaves(t).map(async (x) => [...(await readAsync(x))]))

const params = {
  weight: tensor([1, 2, 3, 4, 5, -6.5], [2, 3]),
  layers: [
    { bias: tensor([7], [1]), none: null },
    { bias: tensor([8], [1]), none: null },
  ],
  step: tensor([2 ** 31 - 1], [], 'i32'),
  key: tensor([1, 2 ** 32 - 1], [2], 'u32'),
  mask: tensor([true, false, true], [3], 'bool'),
  empty: tensor([], [0, 4]),
}
const metadata = { step: 10, name: 'é "x"', list: [1, null, true] }
const save = async (path: string, t: Tree = params, own: Files = nodeFiles) =>
  saveCheckpoint({ path, metadata, files: own })(t)()
const load = async <T extends Tree>(path: string, template: T) => loadCheckpoint({ path })(template)()

const elements: Readonly<Record<DType, fc.Arbitrary<number>>> = {
  f32: fc.float(),
  f16: fc.float({ min: -60000, max: 60000 }),
  bf16: fc.float({ min: -(2 ** 120), max: 2 ** 120 }),
  i32: fc.integer(),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  bool: fc.integer({ min: 0, max: 1 }),
}
const leaf = fc
  .record({
    dtype: fc.constantFrom<DType>('f32', 'f16', 'bf16', 'i32', 'u32', 'bool'),
    shape: fc.array(fc.nat(3), { maxLength: 3 }),
  })
  .chain(({ dtype, shape }) => {
    const size = shape.reduce((n, d) => n * d, 1)
    return fc
      .array(elements[dtype], { minLength: size, maxLength: size })
      .map((data) => tensor(data, shape as Shape, dtype))
  })
// Keys of all kinds: with what joins them, what escapes, names of the format's own, numbers, and nothing at all.
const name = fc.oneof(
  fc.stringMatching(/^[a-z0-9_]{1,4}$/),
  fc.stringMatching(/^[ab.\\]{0,3}$/),
  fc.constantFrom('__metadata__', '__proto__', 'constructor', '0', '1', '', 'é "x"', '\u0000', 'toString'),
)
const records = (value: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> =>
  fc.array(fc.tuple(name, value), { maxLength: 4 }).map((entries) => Object.fromEntries<Tree>(entries))
const { tree: trees } = fc.letrec<{ readonly tree: Tree }>((self) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.constant(null),
    fc.array(self('tree'), { maxLength: 3 }),
    records(self('tree')),
  ),
}))

describe('a checkpoint', () => {
  test('gives back what was saved, bit for bit', async () => {
    const path = newPath()
    expect(isRight(await save(path))).toBe(true)
    const loaded = await load(path, params)
    if (!isRight(loaded)) throw new Error(loaded.left.message)
    expect(loaded.right.metadata).toEqual(metadata)
    expect(tree.structure(loaded.right.tree).key).toBe(tree.structure(params).key)
    expect(await values(loaded.right.tree)).toEqual(await values(params))
    expect(readdirSync(join(path, '..'))).toEqual(['x.safetensors'])
  })

  test('holds any tree', async () => {
    const path = newPath()
    await fc.assert(
      fc.asyncProperty(trees, async (t) => {
        await save(path, t)
        const loaded = await load(path, t)
        expect(isRight(loaded) && (await values(loaded.right.tree))).toEqual(await values(t))
      }),
      { seed: 1, numRuns: 150 },
    )
  })

  test('a dot in a key joins nothing: no tensor is lost to another', async () => {
    const path = newPath()
    const [x, y, z] = [1, 2, 3].map((v) => tensor([v], [1]))
    const t = { 'a.b': x!, a: { b: y! }, 'a\\': { b: z! } }
    await save(path, t)
    const loaded = await load(path, t)
    expect(isRight(loaded) && (await values(loaded.right.tree))).toEqual(await values(t))
    expect(await load(path, { 'a.b': x!, 'a\\': { b: z! } })).toMatchObject({ left: { _tag: 'Mismatch', leaf: 'a.b' } })
  })

  test('names of ordinary keys are those of other tools, lists and numbered records alike', async () => {
    const path = newPath()
    await save(path, { blocks: [{ w: tensor([1], [1]) }] })
    const loaded = await load(path, { blocks: { 0: { w: tensor([0], [1]) } } })
    expect(isRight(loaded) && (await values(loaded.right.tree))).toEqual([[1]])
  })

  test('is valid safetensors', async () => {
    const path = newPath()
    await save(path)
    const bytes = readFileSync(path)
    const length = Number(bytes.readBigUInt64LE(0))
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: [number, number] }
    >
    const { __metadata__: own, ...entries } = header
    expect(length % 8).toBe(0)
    expect(Object.values(own!).every((v) => typeof v === 'string')).toBe(true)
    expect(entries['layers.1.bias']).toMatchObject({ dtype: 'F32', shape: [1] })
    expect(entries['mask']).toMatchObject({ dtype: 'BOOL', shape: [3] })
    expect(entries['key']).toMatchObject({ dtype: 'U32', shape: [2] })
    // Ranges follow one another from 0 to the end of the file without a gap.
    const ranges = Object.values(entries)
      .map((e) => e.data_offsets)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    let end = 0
    for (const [from, to] of ranges) {
      expect(from).toBe(end)
      end = to
    }
    expect(8 + length + end).toBe(bytes.length)
  })
})

describe('what is wrong with a file is said, and nothing of it returned', () => {
  test('a file altered in any one bit, or cut anywhere, is corrupt', async () => {
    const path = newPath()
    await save(path)
    const good = readFileSync(path)
    const expectCorrupt = async (bytes: Uint8Array): Promise<void> => {
      writeFileSync(path, bytes)
      expect(await load(path, params)).toMatchObject({ left: { _tag: 'Corrupt', path } })
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(7), async (at, bit) => {
        // The padding of the header is blank space: no bit of it means anything.
        fc.pre(good[at] !== 32)
        const bad = Uint8Array.from(good)
        bad[at]! ^= 1 << bit
        await expectCorrupt(bad)
        await expectCorrupt(good.subarray(0, at))
      }),
      { seed: 2, numRuns: 150 },
    )
    await expectCorrupt(Buffer.concat([good, Buffer.from([0])]))
  })

  test('a file of somebody else', async () => {
    const path = newPath()
    writeFileSync(path, Buffer.from('{"not": "a checkpoint"}'))
    expect(await load(path, params)).toMatchObject({ left: { _tag: 'Corrupt' } })
  })

  test.each<readonly [string, Tree, string, RegExp]>([
    [
      'another shape',
      { ...params, weight: tensor([1], [1]) },
      'weight',
      /the file has f32\[2, 3\], the template has f32\[1\] at weight/,
    ],
    ['another dtype', { ...params, step: tensor([1], []) }, 'step', /i32\[\], the template has f32\[\] at step/],
    ['a missing leaf', { ...params, more: tensor([1], [1]) }, 'more', /no tensor, the template has f32\[1\] at more/],
    ['a leaf too many', { ...params, mask: null }, 'mask', /the template has not, at mask/],
  ])('%s', async (_, template, at, message) => {
    const path = newPath()
    await save(path)
    const outcome = await load(path, template)
    expect(outcome).toMatchObject({ left: { _tag: 'Mismatch', leaf: at } })
    expect(!isRight(outcome) && outcome.left.message).toMatch(message)
  })

  test('all that is missing and all that is unexpected is listed', async () => {
    const path = newPath()
    await save(path, { a: params.weight, b: params.weight, c: params.weight })
    const outcome = await load(path, { c: params.weight, d: params.weight, e: params.weight })
    expect(!isRight(outcome) && outcome.left.message).toMatch(/missing: d, e; unexpected: a, b\)/)
  })

  test("metadata with a number that JSON has not is a programmer's error", async () => {
    const bad = saveCheckpoint({ path: newPath(), metadata: { loss: [NaN] } })(params)
    await expect(bad()).rejects.toThrow(/metadata has NaN at '0'/)
  })

  test('a missing file or folder', async () => {
    const path = newPath()
    expect(await load(path, params)).toMatchObject({ left: { _tag: 'MissingFile', path } })
    expect(await save(join(path, 'no', 'folder'))).toMatchObject({ left: { _tag: 'MissingFile' } })
    expect(await load(join(path, '..'), params)).toMatchObject({ left: { _tag: 'FileSystem' } })
  })
})

describe('a save that fails leaves the old file', () => {
  const fails = (code: string) => () => Promise.reject(Object.assign(new Error(`${code}: no`), { code }))

  test.each([
    ['writing', 'ENOSPC', 'NoSpace'],
    ['writing', 'EACCES', 'FileSystem'],
    ['renaming', 'EIO', 'FileSystem'],
  ])('while %s: %s', async (when, code, tag) => {
    const path = newPath()
    await save(path)
    const before = readFileSync(path)
    const removed: string[] = []
    const broken: Files = {
      ...nodeFiles,
      replace: replaceBy({
        writeThrough: async (at) => {
          writeFileSync(at, 'the first 9')
          if (when === 'writing') await fails(code)()
        },
        rename: fails(code),
        remove: async (at) => {
          removed.push(at)
          rmSync(at)
        },
        syncFolder: async () => undefined,
      }),
    }
    expect(await save(path, { weight: tensor([9], [1]) }, broken)).toMatchObject({ left: { _tag: tag, path } })
    expect(readFileSync(path)).toEqual(before)
    expect(removed).toHaveLength(1)
    expect(readdirSync(join(path, '..'))).toEqual(['x.safetensors'])
  })

  test("metadata that is no JSON is a programmer's error", async () => {
    const path = newPath()
    const circular: { self?: unknown } = {}
    circular.self = circular
    await expect(saveCheckpoint({ path, metadata: circular })(params)()).rejects.toThrow(TypeError)
    expect(readdirSync(join(path, '..'))).toEqual([])
  })
})
