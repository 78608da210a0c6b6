// Weights by ranges: only what is asked for is read, files are closed whatever happens, shards and their index agree.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DType } from '@adjoint/tensor'
import { dtypes } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { type Either, isLeft, isRight, right } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import type { CheckpointError, Fault } from './failure.ts'
import { filesIn, safetensorsFile } from './files.support.ts'
import { withWeights, withWeightsAsync } from './with-weights.ts'

const path = 'm/model.safetensors'
const entry = (from: number, to: number, dtype = 'F32') => ({
  dtype,
  shape: [(to - from) / 4],
  data_offsets: [from, to],
})
const two = safetensorsFile({ a: entry(0, 8), b: entry(8, 20) }, new Uint8Array(Float32Array.of(1, 2, 3, 4, 5).buffer))
const opens = (files: ReturnType<typeof filesIn>, at = path) =>
  withWeights({ path: at, files })(() => TE.right('used'))()

describe('reading', () => {
  test('asks for the header, and then for the bytes of the tensor that is read', async () => {
    const files = filesIn(new Map([[path, two]]))
    const read = await withWeights({ path, files })(({ tensors }) => tensors.get('b')!.read('f32'))()
    expect(read).toEqual(right(Float32Array.of(3, 4, 5)))
    const begin = two.length - 20
    expect(files.record).toEqual({
      open: 0,
      ranges: [
        [path, 0, 4],
        [path, 0, 8],
        [path, 8, begin - 8],
        [path, begin + 8, 12],
      ],
    })
  })

  test('a tensor is decoded in parts: no second copy of it is made', async () => {
    const n = 3_000_001
    const bytes = safetensorsFile(
      { x: { dtype: 'BF16', shape: [n], data_offsets: [0, 2 * n] } },
      new Uint8Array(2 * n).fill(0x40),
    )
    const files = filesIn(new Map([[path, bytes]]))
    const read = await withWeights({ path, files })(({ tensors }) => tensors.get('x')!.read('bf16'))()
    if (!isRight(read)) return expect.fail(read.left.message)
    expect(read.right).toHaveLength(n)
    // 0x4040 is 3
    expect(read.right.every((v) => v === 3)).toBe(true)
    expect(Math.max(...files.record.ranges.map(([, , count]) => count))).toBeLessThanOrEqual(2 ** 20)
  })

  const values: readonly (readonly [string, DType, ArrayBuffer, readonly number[]])[] = [
    ['F32', 'bf16', Float32Array.of(1 / 3, 257, 259, -0).buffer, [0.333984375, 256, 260, -0]],
    ['F32', 'f16', Float32Array.of(1 / 3, 2 ** -25, 65504, NaN).buffer, [0.333251953125, 0, 65504, NaN]],
    // rounded to f32 first it would be a tie, and go to the even side
    ['F64', 'bf16', Float64Array.of(257 + 2 ** -40, 1, 1, 1).buffer, [258, 1, 1, 1]],
    ['BF16', 'f16', Uint16Array.of(0x3f80, 0x7f80, 0x0001, 0x8000).buffer, [1, Infinity, 0, -0]],
    ['F16', 'bf16', Uint16Array.of(0x3c01, 0x7c00, 1, 0x8000).buffer, [1, Infinity, 2 ** -24, -0]],
    ['U64', 'i32', BigUint64Array.of(5n, 0n, 1n, 2n ** 31n - 1n).buffer, [5, 0, 1, 2 ** 31 - 1]],
    ['I8', 'i32', Int8Array.of(-128, 1, 2, 3).buffer, [-128, 1, 2, 3]],
    ['U32', 'u32', Uint32Array.of(1, 2, 3, 2 ** 32 - 1).buffer, [1, 2, 3, 2 ** 32 - 1]],
    ['BOOL', 'bool', Uint8Array.of(0, 1, 0, 7).buffer, [0, 1, 0, 1]],
  ]
  const one = (dtype: string, data: ArrayBuffer, n = 4) =>
    filesIn(
      new Map([
        [path, safetensorsFile({ x: { dtype, shape: [n], data_offsets: [0, data.byteLength] } }, new Uint8Array(data))],
      ]),
    )
  const reading = (files: ReturnType<typeof filesIn>, dtype: DType) =>
    withWeights({ path, files })(({ tensors }) => tensors.get('x')!.read(dtype))()

  test.each(values)('%s as %s', async (dtype, wanted, data, expected) => {
    const read = await reading(one(dtype, data), wanted)
    if (!isRight(read)) return expect.fail(read.left.message)
    expect([...read.right]).toEqual(expected)
    expect(read.right).toBeInstanceOf(dtypes[wanted].allocate(0).constructor)
  })

  test.each<readonly [string, DType, ArrayBuffer, number, RegExp]>([
    ['F8_E4M3', 'f32', new ArrayBuffer(4), 4, /x has elements of F8_E4M3, which are not read here\. Convert/],
    ['F8_E5M2', 'bf16', new ArrayBuffer(4), 4, /F8_E5M2/],
    ['F4', 'f32', new ArrayBuffer(2), 4, /F4/],
    ['C64', 'f32', new ArrayBuffer(32), 4, /C64/],
    [
      'I64',
      'f32',
      new ArrayBuffer(32),
      4,
      /x has elements of I64, which are not read as f32\. Ask for a dtype of their kind/,
    ],
    ['F32', 'i32', new ArrayBuffer(16), 4, /not read as i32/],
    ['BOOL', 'u32', new ArrayBuffer(4), 4, /not read as u32/],
    ['U8', 'bool', new ArrayBuffer(4), 4, /not read as bool/],
    [
      'F32',
      'f16',
      Float32Array.of(0, 0, 7e4, 0).buffer,
      4,
      /F32, and its element 2, 70000, is beyond f16\. Ask for a wider/,
    ],
    [
      'I64',
      'i32',
      BigInt64Array.of(0n, 2n ** 53n + 1n, 0n, 0n).buffer,
      4,
      /element 1, 9007199254740993, does not fit into i32/,
    ],
  ])('%s as %s: unsupported, by name', async (dtype, wanted, data, n, message) => {
    const read = await reading(one(dtype, data, n), wanted)
    expect(read).toMatchObject({ left: { _tag: 'Unsupported', path, leaf: 'x' } })
    expect(isLeft(read) && read.left.message).toMatch(message)
  })
})

describe('files are closed', () => {
  const files = () => filesIn(new Map([[path, two]]))
  test('after use, and after its Left, which is handed on', async () => {
    const own = files()
    expect(await opens(own)).toEqual(right('used'))
    expect(await withWeights({ path, files: own })(() => TE.left({ mine: 1 }))()).toEqual({
      _tag: 'Left',
      left: { mine: 1 },
    })
    expect(own.record.open).toBe(0)
  })

  test('after use has thrown, and what it threw is thrown', async () => {
    const own = files()
    const bug = new Error('bug')
    const throws = async (): Promise<Either<never, number>> => {
      throw bug
    }
    await expect(withWeights({ path, files: own })(() => throws)()).rejects.toBe(bug)
    await expect(withWeightsAsync({ path, files: own })(() => Promise.reject(bug))).rejects.toBe(bug)
    expect(own.record.open).toBe(0)
  })

  test('where the file is no weights, and for scripts that is thrown', async () => {
    const own = filesIn(new Map([[path, two.subarray(0, 30)]]))
    expect(await opens(own)).toMatchObject({ left: { _tag: 'Corrupt' } })
    await expect(withWeightsAsync({ path, files: own })(async () => 1)).rejects.toMatchObject({
      name: 'CheckpointFailure',
      error: { _tag: 'Corrupt', path },
    })
    expect(own.record.open).toBe(0)
  })

  test('where closing fails, which is said unless something failed before', async () => {
    const io = Object.assign(new Error('EIO: no'), { code: 'EIO' })
    const own = files()
    const broken = {
      ...own,
      open: async (at: string) => ({ ...(await own.open(at)), close: () => Promise.reject(io) }),
    }
    expect(await withWeights({ path, files: broken })(() => TE.right(1))()).toMatchObject({
      left: { _tag: 'FileSystem', path },
    })
    expect(await withWeights({ path, files: broken })(() => TE.left('first'))()).toEqual({
      _tag: 'Left',
      left: 'first',
    })
  })

  test('a tensor that is read after that is a mistake of the program', async () => {
    const late = await withWeightsAsync({ path, files: files() })(async ({ tensors }) => tensors.get('a')!)
    await expect(late.read('f32')()).rejects.toThrow(/m\/model.safetensors is closed: read within the function/)
  })
})

describe('a file that changes', () => {
  test('cut while it is read: corrupt, and where it ends is said', async () => {
    const contents = new Map([[path, two]])
    const read = await withWeights({ path, files: filesIn(contents) })(({ tensors }) => {
      contents.set(path, two.slice(0, -3))
      return tensors.get('b')!.read('f32')
    })()
    expect(read).toMatchObject({ left: { _tag: 'Corrupt', fault: 'Cut', path } })
    expect(isLeft(read) && read.left.message).toContain(`it ends at byte ${two.length - 3}, and had ${two.length}`)
  })

  test('cut between opening and the header', async () => {
    const contents = new Map([[path, two]])
    const own = filesIn(contents)
    const cutting = {
      ...own,
      open: async (at: string) => {
        const file = await own.open(at)
        contents.set(path, two.slice(0, 20))
        return file
      },
    }
    expect(await withWeights({ path, files: cutting })(() => TE.right(1))()).toMatchObject({ left: { fault: 'Cut' } })
  })

  test('a disk that fails while it is read', async () => {
    const own = filesIn(new Map([[path, two]]))
    const io = Object.assign(new Error('EIO: no'), { code: 'EIO' })
    const broken = { ...own, open: async (at: string) => ({ ...(await own.open(at)), read: () => Promise.reject(io) }) }
    expect(await withWeights({ path, files: broken })(() => TE.right(1))()).toMatchObject({
      left: { _tag: 'FileSystem', path },
    })
  })
})

describe('what else a path may be', () => {
  test.each([
    ['absent', 'no', 'MissingFile'],
    ['a folder with none', 'empty', 'MissingFile'],
    ['a ZIP archive', 'empty/pytorch_model.bin', 'Format'],
  ])('%s', async (_, at, tag) => {
    const files = filesIn(
      new Map([['empty/pytorch_model.bin', new TextEncoder().encode('PK\u0003\u0004 and more of it')]]),
    )
    expect(await opens(files, at)).toMatchObject({ left: { _tag: tag, path: at } })
  })

  test('a folder with one file, before any index', async () => {
    const files = filesIn(
      new Map([
        [path, two],
        ['m/model.safetensors.index.json', new Uint8Array()],
      ]),
    )
    expect(await opens(files, 'm')).toEqual(right('used'))
    expect(await opens(files, 'm/')).toEqual(right('used'))
  })
})

describe('shards', () => {
  const index = 'm/model.safetensors.index.json'
  const shard = (name: string, value: number) =>
    safetensorsFile(
      { __metadata__: { format: 'pt' }, [name]: entry(0, 4) },
      new Uint8Array(Float32Array.of(value).buffer),
    )
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const model = (
    weight_map: unknown = { b: '2.safetensors', a: '1.safetensors' },
    more: Readonly<Record<string, Uint8Array>> = {},
  ) =>
    filesIn(
      new Map(
        Object.entries({
          [index]: json({ metadata: { total_size: 8 }, weight_map }),
          'm/1.safetensors': shard('a', 1),
          'm/2.safetensors': shard('b', 2),
          ...more,
        }),
      ),
    )

  test.each(['m', index])('are one model, at %s', async (at) => {
    const files = model()
    await withWeightsAsync({ path: at, files })(async ({ path, tensors, metadata }) => {
      expect(path).toBe(at)
      expect([...tensors.keys()]).toEqual(['b', 'a'])
      expect(metadata).toEqual({ total_size: 8, format: 'pt' })
      expect(await tensors.get('b')!.read('f32')()).toEqual(right(Float32Array.of(2)))
    })
    expect(files.record.open).toBe(0)
  })

  test.each<readonly [string, ReturnType<typeof filesIn>, string, Fault | null, RegExp]>([
    [
      'a missing shard',
      model({ a: '1.safetensors', b: '3.safetensors' }),
      'm/3.safetensors',
      null,
      /shard of m\/model.safetensors.index.json/,
    ],
    [
      'a tensor that its shard lacks',
      model({ a: '1.safetensors', b: '2.safetensors', c: '2.safetensors' }),
      index,
      'MissingTensor',
      /'c' is in 2.safetensors, which has none/,
    ],
    [
      'a tensor that the index lacks',
      model({ a: '1.safetensors' }, { 'm/1.safetensors': two }),
      'm/1.safetensors',
      'UnlistedTensor',
      /has tensor 'b', and .*index.json does not say so/,
    ],
    [
      'a tensor in two shards',
      model(undefined, { 'm/2.safetensors': two }),
      'm/2.safetensors',
      'UnlistedTensor',
      /'a'/,
    ],
    [
      'a broken shard',
      model(undefined, { 'm/2.safetensors': two.subarray(0, -1) }),
      'm/2.safetensors',
      'MetadataIncompleteBuffer',
      /data 19/,
    ],
    [
      'a shard of GGUF',
      model(undefined, { 'm/2.safetensors': new TextEncoder().encode('GGUF and more') }),
      'm/2.safetensors',
      'HeaderTooLarge',
      /claims/,
    ],
    [
      'an index that is no JSON',
      model(undefined, { [index]: new TextEncoder().encode('{') }),
      index,
      'InvalidIndex',
      /no JSON/,
    ],
    ['an index without a map', model(null), index, 'InvalidIndex', /weight_map/],
    ['a map of numbers', model({ a: 1 }), index, 'InvalidIndex', /weight_map/],
    [
      'a tensor twice',
      model(undefined, {
        [index]: new TextEncoder().encode('{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}'),
      }),
      index,
      'InvalidIndex',
      /twice/,
    ],
    ['a shard elsewhere', model({ a: '../1.safetensors' }), index, 'InvalidIndex', /no file beside it/],
    ['a shard at an absolute path', model({ a: '/etc/passwd' }), index, 'InvalidIndex', /no file beside it/],
  ])('%s', async (_, files, at, fault, message) => {
    const found: Either<CheckpointError, unknown> = await opens(files, 'm')
    expect(found).toMatchObject({
      left: fault === null ? { _tag: 'MissingFile', path: at } : { _tag: 'Corrupt', fault, path: at },
    })
    expect(isLeft(found) && found.left.message).toMatch(message)
    expect(files.record.open).toBe(0)
  })
})

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

const models = process.env['ADJOINT_MODELS'] ?? ''
const smollm2 = join(models, 'SmolLM2-135M-Instruct.Q4_1.gguf')
const has = models !== '' && existsSync(smollm2)
if (!has) console.log('skipped: ADJOINT_MODELS names no folder with SmolLM2-135M-Instruct.Q4_1.gguf')
test.skipIf(!has)('SmolLM2 of 135 million parameters is read tensor by tensor', async () => {
  await withWeightsAsync({ path: smollm2 })(async ({ format, tensors, metadata }) => {
    expect([format, tensors.size]).toEqual(['gguf', 272])
    expect(metadata).toMatchObject({
      'general.architecture': 'llama',
      'llama.block_count': 30,
      'tokenizer.ggml.bos_token_id': 1,
    })
    expect(metadata['tokenizer.ggml.tokens']).toHaveLength(49152)
    const embedding = tensors.get('token_embd.weight')!
    expect([embedding.dtype, embedding.shape]).toEqual(['Q8_0', [49152, 576]])
    let parameters = 0
    for (const [name, { dtype, shape, read }] of tensors) {
      const data = await read('f32')()
      if (isLeft(data)) return expect.fail(data.left.message)
      parameters += data.right.length
      expect(data.right).toHaveLength(shape.reduce((n, d) => n * d, 1))
      // trained weights: finite, and of the size of 1 / sqrt(576) or of a norm's scale
      let squares = 0
      for (const v of data.right) squares += v * v
      const size = Math.sqrt(squares / data.right.length)
      if (!(size > 0.01 && size < 20)) expect.fail(`${name} of ${dtype} has elements of size ${size}`)
    }
    expect(parameters).toBe(134_515_008)
  })
})
