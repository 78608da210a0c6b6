// Files of other tools: a valid one loads, or says what it holds that no tensor here can; only a broken one is corrupt.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DType, readAsync, tensor, type Tree, zeros } from '@adjoint/tensor'
import { isLeft, isRight } from 'fp-ts/lib/Either.js'
import { afterAll, describe, expect, test } from 'vitest'
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts'

const folder = mkdtempSync(join(tmpdir(), 'adjoint-foreign-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly number[]
}
const fileOf = (header: Readonly<Record<string, unknown>> | string, data: Uint8Array): string => {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  const path = join(folder, `${files++}.safetensors`)
  writeFileSync(path, bytes)
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
  test.each<readonly [string, Readonly<Record<string, unknown>> | string, number]>([
    ['a gap', { a: entry(0, 4), b: entry(8, 12) }, 12],
    ['an overlap', { a: entry(0, 4), b: entry(0, 4) }, 4],
    ['a gap before the first', { a: entry(4, 8) }, 8],
    ['data that no tensor has', { a: entry(0, 4) }, 8],
    ['data cut short', { a: entry(0, 4) }, 3],
    ['a range that runs backwards', { a: entry(0, 4), b: entry(4, 0) }, 4],
    ['more elements than numbers count', { a: entry(0, 4, [2 ** 31, 2 ** 31]) }, 4],
    ['a shape that is none', { a: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, 4],
    ['a metadata that is no record of texts', { __metadata__: { a: 1 } }, 0],
    ['a header that is a list', '[]', 0],
    ['a header that is no text', '\u0000', 0],
  ])('%s', async (_, header, bytes) => {
    expect(await load(fileOf(header, new Uint8Array(bytes)), { a: zeros([1]) })).toMatchObject({
      left: { _tag: 'Corrupt' },
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

  test.each(all('malformed'))('%s is corrupt', async (name) => {
    expect(await load(join(shared, 'malformed', name), { test: zeros([2, 2], 'i32') })).toMatchObject({
      left: { _tag: 'Corrupt' },
    })
  })
})
