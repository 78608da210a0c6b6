// Several completions of each prompt, and several tokens a call: the same values as prompts written out and tokens one by one.
import {
  type Device,
  random,
  readAsync,
  requestDeviceAsync,
  setDefaultDevice,
  slice,
  squeeze,
  sum,
  take,
  tensor,
  type TreeRecord,
  zeros,
} from '@adjoint/tensor'
import fc from 'fast-check'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { type Decoder, decoder } from './decoder.ts'
import type { GenerateConfig } from './generate-arguments.ts'
import { type Generation, generatorAsync } from './generate.ts'
import { normalInit } from './init.ts'
import type { Floats, Integers } from './layer.ts'
import { llama } from './models/llama.ts'
import { leftPad, type Prompts } from './text/pad.ts'
import { transformer } from './transformer.ts'

const model = transformer(llama({ vocab: 7, width: 8, layers: 1, heads: 2, kvHeads: 1, context: 80, tiedHead: true }))
const drawn = model.init(random.key(0))
const params = { ...drawn, embedding: normalInit(1)(random.key(1), drawn.embedding.shape) }

const valuesOf = async ({ tokens, logp, mask, lengths, ended }: Generation) =>
  Promise.all([tokens, logp, mask, lengths, ended].map(async (x) => [...(await readAsync(x))]))
const written = (rows: readonly (readonly number[])[], n: number): readonly (readonly number[])[] =>
  rows.flatMap((row) => Array.from({ length: n }, () => row))
/** Prompts as they are given: with starts only where a row is padded. */
const promptsOf = (rows: readonly (readonly number[])[]): Prompts => {
  const padded = leftPad({ pad: 0 })(rows)
  return rows.every((row) => row.length === rows[0]!.length) ? { tokens: padded.tokens } : padded
}

/** The next token by the last one; memory is a tree of integers and of what was said. */
type Memory = { readonly last: Integers; readonly sums: { readonly said: Floats } }
const table: Decoder<{ readonly logits: Floats }, Memory> = (() => {
  const say = (logits: Floats, tokens: Integers): readonly [Floats, Memory] => {
    const [rows, columns] = tokens.shape as readonly [number, number]
    const last: Integers = squeeze(1)(slice([0, columns - 1], [rows, columns])(tokens))
    const said: Floats = take(0)(logits, last)
    return [said, { last, sums: { said: sum({ axis: 1 })(said) } }]
  }
  return {
    vocab: 7,
    context: Infinity,
    start: (params) => (tokens) => say(params.logits, tokens),
    extend: (params) => (tokens) => say(params.logits, tokens),
  }
})()
const tableParams = { logits: normalInit(1)(random.key(2), [7, 7]) }

describe('n completions of each prompt', () => {
  // many shapes, each run once: the interpreter, which compiles nothing
  beforeAll(async () => {
    setDefaultDevice(await requestDeviceAsync({ kind: 'reference' }))
  })

  const prompt = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 })
  const configs: fc.Arbitrary<GenerateConfig> = fc
    .record({
      maxTokens: fc.integer({ min: 1, max: 7 }),
      checkEvery: fc.integer({ min: 1, max: 4 }),
      temperature: fc.constantFrom(0, 1, 2),
      eos: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
      topK: fc.constantFrom(3, Infinity),
    })
    .map(({ eos, ...rest }) => (eos === undefined ? rest : { ...rest, eos, pad: 6 }))
  const cases = fc.record({
    rows: fc.array(prompt, { minLength: 1, maxLength: 3 }),
    n: fc.integer({ min: 1, max: 3 }),
    config: configs,
    key: fc.nat(99),
  })

  test.each([
    [
      'transformer',
      (config: GenerateConfig, given: Prompts, key: number) =>
        generatorAsync(model, config)(params, given, random.key(key)),
    ],
    [
      'table',
      (config: GenerateConfig, given: Prompts, key: number) =>
        generatorAsync(table, config)(tableParams, given, random.key(key)),
    ],
  ] as const)('are those of prompts written n times, and of one token a call, bit for bit: %s', async (_, run) => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, n, config, key }) => {
        const shared = await valuesOf(await run({ ...config, n }, promptsOf(rows), key))
        const each = await valuesOf(await run({ ...config, checkEvery: 1 }, promptsOf(written(rows, n)), key))
        expect(shared).toEqual(each)
      }),
      { seed: 1, numRuns: 15 },
    )
  })

  test('read a prompt once', async () => {
    const { start, extend, ...sizes } = decoder(model)
    const read: (readonly number[])[] = []
    const watched: ReturnType<typeof decoder> = {
      ...sizes,
      start: (params, options) => (tokens) => {
        read.push(tokens.shape)
        return start(params, options)(tokens)
      },
      extend: (params, memory, options) => (tokens) => {
        read.push(tokens.shape)
        return extend(params, memory, options)(tokens)
      },
    }
    const { tokens } = await generatorAsync(watched, { maxTokens: 4, n: 5 })(
      params,
      promptsOf([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      random.key(0),
    )
    expect(tokens.shape).toEqual([10, 7])
    expect(read[0]).toEqual([2, 3])
    expect(new Set(read.slice(1).map(String))).toEqual(new Set(['10,1']))
  })

  test('name the row and its prompt where nothing can be drawn', async () => {
    const broken = {
      logits: tensor(
        [...(await readAsync(tableParams.logits))].map((x, i) => (Math.floor(i / 7) === 5 ? NaN : x)),
        [7, 7],
      ),
    }
    const outcome = generatorAsync(table, { maxTokens: 1, n: 2 })(
      broken,
      leftPad({ pad: 0 })([[1, 2, 3], [4], [6, 5]]),
      random.key(0),
    )
    await expect(outcome).rejects.toMatchObject({ name: 'SamplingError', rows: [4, 5] })
    await expect(outcome).rejects.toThrow(/logits of row 4 .* at token 0 .*row 4's prompt is 6 5\)/)
  })

  test('need a memory with a row for each prompt', async () => {
    const counting: Decoder<typeof tableParams, TreeRecord & { readonly seen: Floats }> = {
      ...table,
      start: (params) => (tokens) => [take(0)(params.logits, squeeze(1)(tokens)), { seen: tensor([1, 2, 3]) }],
      extend:
        (params, { seen }) =>
        (tokens) => [take(0)(params.logits, squeeze(1)(tokens)), { seen }],
    }
    const given = promptsOf([[1], [2]])
    const run = (n: number) => generatorAsync(counting, { maxTokens: 3, n })(tableParams, given, random.key(0))
    expect((await run(1)).tokens.shape).toEqual([2, 4])
    await expect(run(2)).rejects.toThrow(/generate.*: the model's memory at seen has no row for each of 2 prompts/)
  })

  test.each([0, 1.5, NaN])('%d of them is refused where the generator is made', (n) => {
    expect(() => generatorAsync(model, { maxTokens: 4, n })).toThrow(/generate: n is .* 1 or more/)
  })
})

describe.each((['wasm', 'native', 'webgpu'] as const).filter((kind) => inject('devices').includes(kind)))(
  'on %s',
  (kind) => {
    const rows = [[1, 2, 3], [4, 5], [6]] as const
    /** What is drawn when all is compiled, and what that took. */
    const counted = async (
      device: Device,
      {
        given = rows,
        from = params,
        ...config
      }: GenerateConfig & { given?: typeof rows | typeof many; from?: typeof params },
    ) => {
      const run = generatorAsync(model, { ...config, device })
      const once = async () => valuesOf(await run(from, leftPad({ pad: 0 })(given), random.key(3)))
      await once()
      const before = device.stats()
      const [tokens, logp, ...rest] = await once()
      const after = device.stats()
      return {
        logp: logp!,
        exact: [tokens, ...rest],
        submits: after.submits - before.submits,
        kernels: after.kernels - before.kernels,
      }
    }
    const many = written(rows, 4)

    test('64 tokens take a submission for each 16, and draw what single steps after written out prompts do', async () => {
      const device = await requestDeviceAsync({ kind })
      const shared = await counted(device, { maxTokens: 64, n: 4 })
      const single = await counted(device, { maxTokens: 64, checkEvery: 1, given: many })
      expect(shared.exact).toEqual(single.exact)
      // A device may add up in another order where a kernel has fewer rows: equal but for roundings.
      shared.logp.forEach((x, i) => expect(x).toBeCloseTo(single.logp[i]!, 4))
      expect(single.submits).toBeGreaterThanOrEqual(64)
      // four for the tokens, one for what is returned; what was given may be copied to the device
      expect(shared.submits).toBeLessThanOrEqual(4 + 1 + 2)
      // no more for each token than a step has; to repeat takes a few
      expect(shared.kernels).toBeLessThanOrEqual(single.kernels + 16)

      // All logits are equal, the first is the end: of four calls there is one.
      const sure = { ...params, embedding: zeros([7, 8]) }
      const ended = await counted(device, { maxTokens: 64, n: 4, temperature: 0, eos: 0, from: sure })
      expect(ended.kernels).toBeLessThan(0.3 * shared.kernels)
      await device.destroy()
    }, 300_000)
  },
)
