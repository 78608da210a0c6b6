// Shards and their index: one model where they agree, and the file at fault where they do not.
import { type Either, isLeft, right } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import type { CheckpointError, Fault } from './failure.ts'
import { filesIn, safetensorsFile } from './files.support.ts'
import { withWeights, withWeightsAsync } from './with-weights.ts'

const entry = (from: number, to: number, dtype = 'F32') => ({
  dtype,
  shape: [(to - from) / 4],
  data_offsets: [from, to],
})
const two = safetensorsFile({ a: entry(0, 8), b: entry(8, 20) }, new Uint8Array(Float32Array.of(1, 2, 3, 4, 5).buffer))
const opens = (files: ReturnType<typeof filesIn>, at: string) =>
  withWeights({ path: at, files })(() => TE.right('used'))()

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
