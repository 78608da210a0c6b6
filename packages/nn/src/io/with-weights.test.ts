// Weights by ranges: only what is asked for is read, files are closed whatever happens, shards and their index agree.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DType, HostArray } from '@adjoint/tensor'
import { dtypes } from '@adjoint/tensor/ir'
import { type Either, isLeft, isRight, right } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
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
  const reading = (files: ReturnType<typeof filesIn>, dtype: DType, into?: HostArray) =>
    withWeights({ path, files })(({ tensors }) => tensors.get('x')!.read(dtype, into))()

  test.each(values)('%s as %s', async (dtype, wanted, data, expected) => {
    const read = await reading(one(dtype, data), wanted)
    if (!isRight(read)) return expect.fail(read.left.message)
    expect([...read.right]).toEqual(expected)
    expect(read.right).toBeInstanceOf(dtypes[wanted].allocate(0).constructor)
  })

  test.each(values)(
    '%s as %s, into a part of an array that is there: the same, and nothing beside it',
    async (dtype, wanted, data) => {
      const given = dtypes[wanted].allocate(6).fill(1)
      const into = given.subarray(1, 5)
      const read = await reading(one(dtype, data), wanted, into)
      if (!isRight(read)) return expect.fail(read.left.message)
      expect(read.right).toBe(into)
      expect(read).toEqual(await reading(one(dtype, data), wanted))
      expect([given[0], given[5]]).toEqual([1, 1])
    },
  )

  test('into an array of another length or kind is a mistake of the program', async () => {
    const files = one('F32', new ArrayBuffer(16))
    await expect(reading(files, 'f32', new Float32Array(5))).rejects.toThrow(/x has 4 elements.*array to read into 5/)
    await expect(reading(files, 'f32', new Int32Array(4))).rejects.toThrow(
      /x is read as f32, into a Float32Array, and not a Int32Array/,
    )
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
    ['F32', 'f16', Float32Array.of(0, 0, 7e4, 0).buffer, 4, /F32, and its element 2 is beyond f16\. Ask for a wider/],
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
