// GGUF files from their parts: what was put in comes out, and of what is wrong the rule is said.
import fc from 'fast-check'
import { type Either, isRight, right } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import { filesIn, ggufFile, type GgufParts, type GgufValue } from './files.support.ts'
import { withWeights, withWeightsAsync } from './with-weights.ts'
import type { Weights } from './weights.ts'

const path = 'model.gguf'
const open = <A>(bytes: Uint8Array, use: (weights: Weights) => Promise<A>): Promise<A> =>
  withWeightsAsync({ path, files: filesIn(new Map([[path, bytes]])) })(use)
const outcome = (bytes: Uint8Array) =>
  withWeights({ path, files: filesIn(new Map([[path, bytes]])) })(() => TE.right(1))()

const numbers = {
  u8: fc.integer({ min: 0, max: 255 }),
  i8: fc.integer({ min: -128, max: 127 }),
  u16: fc.integer({ min: 0, max: 65535 }),
  i16: fc.integer({ min: -32768, max: 32767 }),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  i32: fc.integer(),
  f32: fc.float(),
  f64: fc.double(),
}
const numeric = fc.constantFrom(...(Object.keys(numbers) as (keyof typeof numbers)[]))
const whole = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)
const ofType = (type: GgufValue['type'], depth: number): fc.Arbitrary<GgufValue> => {
  switch (type) {
    case 'text':
      return fc.string({ unit: 'grapheme' }).map((value) => ({ type, value }))
    case 'bool':
      return fc.boolean().map((value) => ({ type, value }))
    case 'u64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ type, value: whole(value) }))
    case 'i64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type, value: whole(value) }))
    case 'list':
      return anyType(depth - 1).chain((of) =>
        fc.array(ofType(of, depth - 1), { maxLength: 3 }).map((value) => ({ type, of, value })),
      )
    default:
      return numbers[type].map((value) => ({ type, value }))
  }
}
const anyType = (depth: number): fc.Arbitrary<GgufValue['type']> =>
  fc.oneof(
    numeric,
    fc.constantFrom<GgufValue['type']>('text', 'bool', 'u64', 'i64'),
    ...(depth > 0 ? [fc.constant<GgufValue['type']>('list')] : []),
  )
const plain = (given: GgufValue): unknown => (given.type === 'list' ? given.value.map(plain) : given.value)

/** Tensors of any type that is read: elements and bytes of a block, by number. */
const blocks = [
  { type: 0, dtype: 'F32', elements: 1, bytes: 4 },
  { type: 1, dtype: 'F16', elements: 1, bytes: 2 },
  { type: 30, dtype: 'BF16', elements: 1, bytes: 2 },
  { type: 8, dtype: 'Q8_0', elements: 32, bytes: 34 },
  { type: 2, dtype: 'Q4_0', elements: 32, bytes: 18 },
  { type: 3, dtype: 'Q4_1', elements: 32, bytes: 20 },
  { type: 14, dtype: 'Q6_K', elements: 256, bytes: 210 },
] as const
const tensor = fc
  .record({ kind: fc.constantFrom(...blocks), rest: fc.array(fc.nat(3), { maxLength: 3 }), rows: fc.nat(2) })
  .chain(({ kind, rest, rows }) => {
    const lengths = [rows * kind.elements, ...rest]
    const bytes = (lengths.reduce((n, d) => n * d, 1) / kind.elements) * kind.bytes
    return fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((data) => ({ kind, lengths, data }))
  })
const files = fc.record({
  version: fc.constantFrom(2, 3),
  alignment: fc.constantFrom(8, 32, 64),
  metadata: fc.uniqueArray(
    fc.tuple(
      fc.oneof(fc.stringMatching(/^[a-z.]{1,8}$/), fc.constantFrom('__proto__', 'constructor', '')),
      anyType(3).chain((type) => ofType(type, 3)),
    ),
    { selector: ([key]) => key, maxLength: 5 },
  ),
  tensors: fc.array(tensor, { maxLength: 4 }),
})
type Given = typeof files extends fc.Arbitrary<infer T> ? T : never
const partsOf = ({ version, alignment, metadata, tensors }: Given): GgufParts => ({
  version,
  alignment,
  metadata,
  tensors: tensors.map(({ kind, lengths, data }, i) => ({ name: `t.${i}`, type: kind.type, lengths, data })),
})

describe('a GGUF file', () => {
  test('gives back what it was made of: metadata of all types, shapes with the outermost axis first, bytes', async () => {
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        await open(ggufFile(partsOf(given)).bytes, async ({ format, tensors, metadata }) => {
          expect(format).toBe('gguf')
          const { 'general.alignment': alignment, ...rest } = metadata
          expect(alignment).toBe(given.alignment === 32 ? undefined : given.alignment)
          expect(Object.entries(rest)).toEqual(
            // an engine puts names that are numbers first; there are none
            given.metadata.map(([key, value]) => [key, plain(value)]),
          )
          expect([...tensors.keys()]).toEqual(given.tensors.map((_, i) => `t.${i}`))
          for (const [i, { kind, lengths, data }] of given.tensors.entries()) {
            const found = tensors.get(`t.${i}`)!
            expect([found.dtype, found.shape, found.bytes]).toEqual([kind.dtype, lengths.toReversed(), data.length])
            const read = await found.read('f32')()
            if (kind.dtype === 'Q6_K')
              expect(read).toMatchObject({ left: { _tag: 'Unsupported', leaf: `t.${i}`, path } })
            else if (!isRight(read)) expect.fail(read.left.message)
            else {
              expect(read.right).toHaveLength(lengths.reduce((n, d) => n * d, 1))
              if (kind.dtype === 'F32') expect(new Uint8Array(read.right.buffer)).toEqual(data)
            }
          }
        })
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  const one = (change: Partial<GgufParts>): Uint8Array =>
    ggufFile({ tensors: [{ name: 'x', type: 0, lengths: [2], data: new Uint8Array(8) }], ...change }).bytes
  const tensorOf = (type: number, lengths: readonly number[], bytes: number): Partial<GgufParts> => ({
    tensors: [{ name: 'x', type, lengths, data: new Uint8Array(bytes) }],
  })
  const deep = (n: number): GgufValue =>
    n === 0 ? { type: 'u8', value: 1 } : { type: 'list', of: n === 1 ? 'u8' : 'list', value: [deep(n - 1)] }

  test.each<readonly [string, Uint8Array, string]>([
    [
      'two equal keys',
      one({
        metadata: [
          ['a', { type: 'u8', value: 1 }],
          ['a', { type: 'u8', value: 1 }],
        ],
      }),
      'DuplicateKey',
    ],
    [
      'two tensors of one name',
      ggufFile({ tensors: [0, 1].map(() => ({ name: 'x', type: 0, lengths: [1], data: new Uint8Array(4) })) }).bytes,
      'DuplicateKey',
    ],
    [
      'an alignment that is no power of two',
      one({ metadata: [['general.alignment', { type: 'u32', value: 48 }]] }),
      'InvalidHeaderDeserialization',
    ],
    [
      'an alignment that is no number',
      one({ metadata: [['general.alignment', { type: 'text', value: '32' }]] }),
      'InvalidHeaderDeserialization',
    ],
    ['lists in lists without end', one({ metadata: [['a', deep(9)]] }), 'InvalidHeaderDeserialization'],
    ['five axes', one(tensorOf(0, [1, 1, 1, 1, 1], 4)), 'TensorInvalidInfo'],
    ['a type of the future', one(tensorOf(77, [1], 4)), 'TensorInvalidInfo'],
    ['a type that was removed', one(tensorOf(4, [32], 20)), 'TensorInvalidInfo'],
    ['rows that are no whole blocks', one(tensorOf(3, [16], 10)), 'MisalignedSlice'],
    ['more elements than numbers count', one(tensorOf(0, [2 ** 40, 2 ** 40], 4)), 'ValidationOverflow'],
    [
      'a place that is not the next',
      one({
        tensors: [
          { name: 'x', type: 0, lengths: [1], data: new Uint8Array(40) },
          { name: 'y', type: 0, lengths: [1], data: new Uint8Array(4) },
        ],
      }),
      'InvalidOffset',
    ],
    ['data that was cut', one({}).subarray(0, -25), 'MetadataIncompleteBuffer'],
    ['a header that was cut', one({}).subarray(0, 50), 'InvalidHeaderLength'],
    [
      'a key that is no UTF-8',
      one({ metadata: [['a', { type: 'u8', value: 1 }]] }).map((b) => (b === 97 ? 0xff : b)),
      'InvalidHeader',
    ],
  ])('%s: corrupt', async (_, bytes, fault) => {
    expect(await outcome(bytes)).toMatchObject({ left: { _tag: 'Corrupt', fault, path } })
  })

  test('lists eight deep are read', async () => {
    expect(await outcome(one({ metadata: [['a', deep(8)]] }))).toMatchObject({ _tag: 'Right' })
  })

  test.each([
    ['version 1', one({ version: 1 }), /version 1 of GGUF/],
    ['the other order of bytes', one({ version: 3 * 2 ** 24 }), /most significant byte first/],
  ])('%s is a format that is not read', async (_, bytes, message) => {
    const found = await outcome(bytes)
    expect(found).toMatchObject({ left: { _tag: 'Format', path } })
    expect(!isRight(found) && found.left.message).toMatch(message)
  })

  test('of a large header parts are read until it is whole, and nothing twice as often as it has doublings', async () => {
    const value = {
      type: 'list',
      of: 'u32',
      value: Array.from({ length: 400_000 }, (_, i) => ({ type: 'u32', value: i }) as const),
    } as const
    const data = new Uint8Array(8_000_000)
    // by hand: a million pushes for each byte of data would take a while
    const { bytes: head } = ggufFile({
      metadata: [['tokens', value]],
      tensors: [{ name: 'x', type: 24, lengths: [32], data: data.subarray(0, 32) }],
    })
    const files = filesIn(new Map([[path, head]]))
    await withWeightsAsync({ path, files })(async ({ metadata }) => {
      expect(metadata['tokens']).toHaveLength(400_000)
    })
    expect(files.record.ranges.map(([, from, count]) => [from, count])).toEqual([
      [0, 4],
      [0, 2 ** 20],
      [0, head.length],
    ])
  })
})

describe('a GGUF file that was damaged', () => {
  /** It opens or is an error, and so is each of its tensors; no more is read than the file has, a few times over. */
  const survives = async (bytes: Uint8Array): Promise<void> => {
    const files = filesIn(new Map([[path, bytes]]))
    const found = await withWeights({ path, files })(({ tensors }) => async (): Promise<Either<never, number>> => {
      for (const { shape, read } of tensors.values()) {
        const data = await read('f32')()
        if (isRight(data)) expect(data.right).toHaveLength(shape.reduce((n, d) => n * d, 1))
        else expect(['Unsupported', 'Corrupt']).toContain(data.left._tag)
      }
      return right(1)
    })()
    if (!isRight(found)) expect(['Corrupt', 'Format']).toContain(found.left._tag)
    expect(files.record.open).toBe(0)
    expect(files.record.ranges.reduce((n, [, , count]) => n + count, 0)).toBeLessThanOrEqual(4 * bytes.length + 32)
  }

  test('in any of its bytes, or cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        fc.nat(),
        async (given, flips, cut) => {
          const { bytes } = ggufFile(partsOf(given))
          const bad = Uint8Array.from(bytes)
          for (const [at, by] of flips) bad[at % bad.length]! ^= by
          await survives(bad)
          await survives(bytes.subarray(0, cut % bytes.length))
        },
      ),
      { seed: 4, numRuns: 300 },
    )
  })

  test('in any of its counts, which claim up to 2^64', async () => {
    const huge = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.integer({ min: 0, max: 64 }).map((bits) => 2n ** BigInt(bits) - 1n),
    )
    await fc.assert(
      fc.asyncProperty(files, fc.nat(), huge, async (given, which, count) => {
        const { bytes, counts } = ggufFile(partsOf(given))
        new DataView(bytes.buffer).setBigUint64(counts[which % counts.length]!, count, true)
        await survives(bytes)
      }),
      { seed: 5, numRuns: 300 },
    )
  })
})
