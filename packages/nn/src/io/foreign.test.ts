// Files of other tools: a valid one loads, or says what it holds that no tensor here can; only a broken one is corrupt.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DType, readAsync, tensor, type Tree, zeros } from '@adjoint/tensor'
import { isLeft, isRight } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, describe, expect, test } from 'vitest'
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts'
import type { Fault } from './failure.ts'
import { filesIn, safetensorsFile } from './files.support.ts'
import { withWeights, withWeightsAsync } from './with-weights.ts'

const folder = mkdtempSync(join(tmpdir(), 'adjoint-foreign-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly number[]
}
const fileOf = (header: Readonly<Record<string, unknown>> | string, data: Uint8Array): string => {
  const path = join(folder, `${files++}.safetensors`)
  writeFileSync(path, safetensorsFile(header, data))
  return path
}
const load = <T extends Tree>(path: string, template: T) => loadCheckpoint({ path })(template)()
const one = (dtype: string, n: number, data: ArrayBuffer) =>
  fileOf({ x: { dtype, shape: [n], data_offsets: [0, data.byteLength] } }, new Uint8Array(data))

describe('elements of other kinds', () => {
  test.each<readonly [string, DType, ArrayBuffer, readonly number[]]>([
    // 1, -2, the smallest half, the largest, infinity, -0
    [
      'F16',
      'f32',
      Uint16Array.of(0x3c00, 0xc000, 1, 0x7bff, 0x7c00, 0x8000).buffer,
      [1, -2, 2 ** -24, 65504, Infinity, -0],
    ],
    ['BF16', 'f32', Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x8000).buffer, [1, -2, Infinity, -0]],
    ['F64', 'f32', Float64Array.of(0.1, -Infinity, -3).buffer, [Math.fround(0.1), -Infinity, -3]],
    ['I8', 'i32', Int8Array.of(-128, 127).buffer, [-128, 127]],
    ['U8', 'u32', Uint8Array.of(0, 255).buffer, [0, 255]],
    ['I16', 'i32', Int16Array.of(-32768).buffer, [-32768]],
    ['U16', 'i32', Uint16Array.of(65535).buffer, [65535]],
    ['I64', 'i32', BigInt64Array.of(-(2n ** 31n), 7n).buffer, [-(2 ** 31), 7]],
    ['U64', 'u32', BigUint64Array.of(2n ** 32n - 1n).buffer, [2 ** 32 - 1]],
    ['BOOL', 'bool', Uint8Array.of(0, 1, 2).buffer, [0, 1, 1]],
  ])('%s into %s', async (dtype, wanted, data, expected) => {
    const loaded = await load(one(dtype, expected.length, data), { x: zeros([expected.length], wanted) })
    if (!isRight(loaded)) throw new Error(loaded.left.message)
    expect(Array.from(await readAsync(loaded.right.tree.x))).toEqual(expected)
    expect(loaded.right.metadata).toBeNull()
  })

  test.each<readonly [string, DType, ArrayBuffer, RegExp]>([
    [
      'I64',
      'i32',
      BigInt64Array.of(0n, 2n ** 40n).buffer,
      /I64 at x, and its element 1, 1099511627776, does not fit into i32/,
    ],
    ['U64', 'u32', BigUint64Array.of(2n ** 63n + 1n, 0n).buffer, /does not fit into u32/],
    ['I8', 'u32', Int8Array.of(1, -1).buffer, /element 1, -1, does not fit into u32/],
    ['F64', 'f32', Float64Array.of(1, 1e300).buffer, /F64 at x, and its element 1, 1e\+300, is beyond f32/],
    ['C64', 'f32', new ArrayBuffer(16), /C64\[2\] at x, an unsupported dtype/],
    ['F8_E4M3', 'f32', new ArrayBuffer(2), /unsupported dtype/],
    ['F4', 'f32', new ArrayBuffer(1), /unsupported dtype/],
  ])('%s into %s: unsupported, not corrupt', async (dtype, wanted, data, message) => {
    const outcome = await load(one(dtype, 2, data), { x: zeros([2], wanted) })
    expect(outcome).toMatchObject({ left: { _tag: 'Unsupported', leaf: 'x' } })
    expect(isLeft(outcome) && outcome.left.message).toMatch(message)
  })

  test("a kind that is not the template's is a mismatch", async () => {
    const outcome = await load(one('F16', 2, new ArrayBuffer(4)), { x: zeros([2], 'i32') })
    expect(outcome).toMatchObject({ left: { _tag: 'Mismatch', leaf: 'x' } })
    expect(isLeft(outcome) && outcome.left.message).toMatch(/the file has f16\[2\], the template has i32\[2\] at x/)
  })

  test('metadata of others is handed on', async () => {
    const path = fileOf(
      { __metadata__: { format: 'pt' }, x: { dtype: 'F32', shape: [], data_offsets: [0, 4] } },
      new Uint8Array(4),
    )
    expect(await load(path, { x: tensor([0], []) })).toMatchObject({ right: { metadata: { format: 'pt' } } })
  })
})

describe('broken files are corrupt', () => {
  const entry = (from: number, to: number, shape: readonly number[] = [1]): Entry => ({
    dtype: 'F32',
    shape,
    data_offsets: [from, to],
  })
  const named = (name: string, text: string): string => `{"${name}":${text}}`
  const a = JSON.stringify(entry(0, 4))
  test.each<readonly [string, Fault, Readonly<Record<string, unknown>> | string, number]>([
    ['a gap', 'InvalidOffset', { a: entry(0, 4), b: entry(8, 12) }, 12],
    ['an overlap', 'InvalidOffset', { a: entry(0, 4), b: entry(0, 4) }, 4],
    ['a gap before the first', 'InvalidOffset', { a: entry(4, 8) }, 8],
    ['data that no tensor has', 'MetadataIncompleteBuffer', { a: entry(0, 4) }, 8],
    ['data cut short', 'MetadataIncompleteBuffer', { a: entry(0, 4) }, 3],
    ['a range that runs backwards', 'InvalidOffset', { a: entry(0, 4), b: entry(4, 0) }, 4],
    ['more elements than numbers count', 'ValidationOverflow', { a: entry(0, 4, [2 ** 31, 2 ** 31]) }, 4],
    ['a length beyond 2^64', 'InvalidHeaderDeserialization', named('a', a.replace('[1]', `[1${'0'.repeat(20)}]`)), 4],
    ['half a byte', 'MisalignedSlice', { a: { dtype: 'F4', shape: [3], data_offsets: [0, 2] } }, 2],
    ['a shape that is none', 'InvalidHeaderDeserialization', { a: entry(0, 4, [-1]) }, 4],
    ['a shape of fractions', 'InvalidHeaderDeserialization', { a: entry(0, 4, [1.5]) }, 4],
    [
      'a length that is written as a fraction',
      'InvalidHeaderDeserialization',
      named('a', a.replace('[1]', '[1.0]')),
      4,
    ],
    ['a length that is a text', 'InvalidHeaderDeserialization', named('a', a.replace('[1]', '["1"]')), 4],
    ['a dtype that is none', 'InvalidHeaderDeserialization', { a: { ...entry(0, 4), dtype: 'F31' } }, 4],
    ['an entry that is a text', 'InvalidHeaderDeserialization', { a: 'F32' }, 0],
    ['three offsets', 'InvalidHeaderDeserialization', { a: { ...entry(0, 4), data_offsets: [0, 4, 4] } }, 4],
    ['a metadata that is no record of texts', 'InvalidHeaderDeserialization', { __metadata__: { a: 1 } }, 0],
    ['a header that is a list', 'InvalidHeaderDeserialization', '[]', 0],
    ['a header that is null', 'InvalidHeaderDeserialization', 'null', 0],
    ['a header that is no text', 'InvalidHeaderDeserialization', '\u0000', 0],
    ['a header after a mark of byte order', 'InvalidHeaderDeserialization', '\ufeff{}', 0],
    ['half a character', 'InvalidHeaderDeserialization', named('\\ud800', a), 4],
    ['two tensors of one name', 'DuplicateKey', `{"a":${a},"a":${a}}`, 4],
    ['two tensors of one name, written apart', 'DuplicateKey', `{"a":${a},"\\u0061":${a}}`, 4],
    ['two dtypes of one tensor', 'DuplicateKey', named('a', a.replace('{', '{"dtype":"F32",')), 4],
  ])('%s: %s', async (_, fault, header, bytes) => {
    const path = fileOf(header, new Uint8Array(bytes))
    const expected = { left: { _tag: 'Corrupt', path, fault } }
    expect(await load(path, { a: zeros([1]) })).toMatchObject(expected)
    expect(await withWeights({ path })(() => TE.right(null))()).toMatchObject(expected)
  })

  test('what is odd and no fault', async () => {
    const names = ['__proto__', 'constructor', '', ' ": {}, \\', 'é𝄞', '1', '0']
    const path = fileOf(
      {
        __metadata__: null,
        ...Object.fromEntries(
          names.map((name, i) => [name, { ...entry(4 * i, 4 * i + 4), more: { e: -1.5e-3, f: [true, null] } }]),
        ),
        none: entry(28, 28, [0]),
      },
      new Uint8Array(28),
    )
    const found = await withWeightsAsync({ path })(async ({ tensors, metadata }) => [new Set(tensors.keys()), metadata])
    expect(found).toEqual([new Set([...names, 'none']), {}])
  })

  test('a header of more bytes than any may have is not read, whatever the file holds', async () => {
    const path = 'model.safetensors'
    const bytes = new Uint8Array(16)
    new DataView(bytes.buffer).setBigUint64(0, 100_000_001n, true)
    const files = filesIn(new Map([[path, bytes]]))
    expect(await withWeights({ path, files })(() => TE.right(null))()).toMatchObject({
      left: { fault: 'HeaderTooLarge', path },
    })
    expect(files.record).toEqual({
      open: 0,
      ranges: [
        [path, 0, 4],
        [path, 0, 8],
      ],
    })
  })
})

const shared = '../shared/fixtures/safetensors'
if (!existsSync(shared)) console.log(`skipped: the fixtures ${shared} are absent`)
describe.skipIf(!existsSync(shared))('files by many writers', () => {
  const all = (kind: string): readonly string[] =>
    existsSync(join(shared, kind))
      ? readdirSync(join(shared, kind)).filter((name) => name.endsWith('.safetensors'))
      : []
  const expectations = existsSync(shared)
    ? (JSON.parse(readFileSync(join(shared, 'expectations.json'), 'utf8')) as readonly {
        readonly file: string
        readonly upstream_error: string | null
      }[])
    : []
  const faultOf = (file: string) => expectations.find((e) => e.file === file)?.upstream_error
  /** Elements one by one, as numbers. */
  const elementsOf = (dtype: string, view: DataView): readonly number[] => {
    const [width, at]: readonly [number, (i: number) => number] = {
      F32: [4, (i: number) => view.getFloat32(i, true)] as const,
      F64: [8, (i: number) => Math.fround(view.getFloat64(i, true))] as const,
      I32: [4, (i: number) => view.getInt32(i, true)] as const,
      I64: [8, (i: number) => Number(view.getBigInt64(i, true))] as const,
      F16: [2, (i: number) => halfOf(view.getUint16(i, true))] as const,
      BF16: [2, (i: number) => new Float32Array(Uint32Array.of(view.getUint16(i, true) << 16).buffer)[0]!] as const,
    }[dtype]!
    return Array.from({ length: view.byteLength / width }, (_, i) => at(i * width))
  }
  const halfOf = (bits: number): number => {
    const [sign, exponent, fraction] = [bits >>> 15 ? -1 : 1, (bits >>> 10) & 31, bits & 1023]
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
  }
  const loads: Readonly<Record<string, DType>> = {
    F32: 'f32',
    F16: 'f32',
    BF16: 'f32',
    F64: 'f32',
    I32: 'i32',
    I64: 'i32',
  }

  test.each(all('valid'))('%s loads, and saves and loads again', async (name) => {
    const bytes = readFileSync(join(shared, 'valid', name))
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0)))) as Record<string, Entry>
    const names = Object.keys(header).filter((key) => key !== '__metadata__')
    const nested: { [key: string]: Tree } = {}
    for (const key of names) {
      const path = key.split('.')
      let at = nested
      for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as typeof nested
      at[path.at(-1)!] = zeros(header[key]!.shape, loads[header[key]!.dtype])
    }
    const loaded = await load(join(shared, 'valid', name), nested)
    if (!isRight(loaded)) throw new Error(loaded.left.message)
    const again = join(folder, `again-${name}`)
    expect(isRight(await saveCheckpoint({ path: again })(loaded.right.tree)())).toBe(true)
    expect(isRight(await load(again, nested))).toBe(true)
    expect(await load(join(shared, 'valid', name), { other: zeros([1]) })).toMatchObject({ left: { _tag: 'Mismatch' } })
  })

  test.each(all('valid'))('%s is read tensor by tensor, as it is read whole', async (name) => {
    const path = join(shared, 'valid', name)
    const bytes = readFileSync(path)
    const begin = 8 + Number(bytes.readBigUInt64LE(0))
    const header = JSON.parse(bytes.toString('utf8', 8, begin)) as Record<string, Entry>
    await withWeightsAsync({ path })(async ({ tensors }) => {
      expect([...tensors.keys()].sort()).toEqual(
        Object.keys(header)
          .filter((key) => key !== '__metadata__')
          .sort(),
      )
      for (const [key, tensor] of tensors) {
        const { dtype, shape, data_offsets } = header[key]!
        expect([tensor.dtype, tensor.shape]).toEqual([dtype, shape])
        const read = await tensor.read(loads[dtype]!)()
        if (!isRight(read)) return expect.fail(read.left.message)
        const [from, to] = data_offsets.map((at) => begin + at)
        expect([...read.right]).toEqual(
          elementsOf(dtype, new DataView(bytes.buffer, bytes.byteOffset + from!, to! - from!)),
        )
      }
    })
  })

  test('the expectations are about these files', () => {
    const files = ['valid', 'malformed'].flatMap((kind) => all(kind).map((name) => `${kind}/${name}`))
    expect(expectations.map(({ file }) => file).filter((file) => !files.includes(file))).toEqual([])
    expect(all('malformed').filter((name) => faultOf(`malformed/${name}`) === undefined)).toEqual([])
  })

  test.each(all('malformed'))('%s is corrupt, and the fault is that of the reference implementation', async (name) => {
    const path = join(shared, 'malformed', name)
    const expected = { left: { _tag: 'Corrupt', path, fault: faultOf(`malformed/${name}`) } }
    expect(await load(path, { test: zeros([2, 2], 'i32') })).toMatchObject(expected)
    expect(await withWeights({ path })(() => TE.right(null))()).toMatchObject(expected)
  })
})
