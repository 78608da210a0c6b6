// What a generation may be asked for beside tokens: several ends, texts to stop at, penalties, a listener, a cache of two bytes.
import {
  jit,
  random,
  readAsync,
  realizeAsync,
  requestDeviceAsync,
  reshape,
  setDefaultDevice,
  slice,
  take,
  type Tensor,
  tensor,
  wasmDevice,
} from '@adjoint/tensor'
import { isLeft } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { decoding } from './decoding.ts'
import {
  decoder,
  type Decoder,
  type Floats,
  type GenerateConfig,
  type Generation,
  generator,
  generatorAsync,
  huggingFaceTokenizer,
  type Integers,
  leftPad,
  llama,
  normalInit,
  penalize,
  sampleLogits,
  transformer,
  untilStop,
} from './index.ts'

beforeAll(async () => {
  setDefaultDevice(await requestDeviceAsync({ kind: 'reference' }))
})

const read = async (x: Tensor): Promise<readonly number[]> => [...(await readAsync(x))]
const rowsOf = (flat: readonly number[], width: number): readonly (readonly number[])[] =>
  Array.from({ length: flat.length / width }, (_, r) => flat.slice(r * width, (r + 1) * width))

const V = 7
const model = transformer(llama({ vocab: V, width: 8, layers: 2, heads: 2, kvHeads: 1, context: 32, tiedHead: true }))
const drawn = model.init(random.key(0))
const params = { ...drawn, embedding: normalInit(1)(random.key(1), drawn.embedding.shape) }
const prompts = leftPad({ pad: 0 })([[1, 2, 3], [4], [5, 6]])
const run = (config: GenerateConfig, seed = 5): Promise<Generation> =>
  generatorAsync(model, config)(params, prompts, random.key(seed))

/** Everything that a generation says, on the host. */
const said = async ({ tokens, logp, mask, lengths, ended }: Generation) => ({
  tokens: rowsOf(await read(tokens), tokens.shape[1]!),
  logp: rowsOf(await read(logp), logp.shape[1]!),
  mask: rowsOf(await read(mask), mask.shape[1]!),
  lengths: await read(lengths),
  ended: await read(ended),
})

/** Ids 0 to 6 as letters and one half of a character. */
const made = huggingFaceTokenizer({
  tokenizer: {
    model: { type: 'BPE', vocab: { a: 0, b: 1, c: 2, d: 3, Ã: 4, '©': 5, e: 6 }, merges: [] },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
    decoder: { type: 'ByteLevel' },
    added_tokens: [],
  },
})
if (isLeft(made)) throw new Error(made.left.message)
const tokenizer = made.right

describe('several ends', () => {
  test('a row ends at whichever comes first', async () => {
    const free = await said(await run({ maxTokens: 12, temperature: 2 }))
    const ends = [2, 6]
    const ended = await said(await run({ maxTokens: 12, temperature: 2, eos: ends, checkEvery: 5 }))
    const lengths = free.tokens.map((row) => {
      const at = row.slice(3).findIndex((token) => ends.includes(token))
      return at < 0 ? 12 : at + 1
    })
    expect(new Set(lengths.map((n, r) => free.tokens[r]![3 + n - 1])).size).toBeGreaterThan(1)
    expect(ended.lengths).toEqual(lengths)
    ended.tokens.forEach((row, r) => {
      const n = 3 + lengths[r]!
      expect(row).toEqual([...free.tokens[r]!.slice(0, n), ...new Array<number>(15 - n).fill(2)])
    })
    expect(await said(await run({ maxTokens: 12, temperature: 2, eos: [2] }))).toEqual(
      await said(await run({ maxTokens: 12, temperature: 2, eos: 2 })),
    )
  })

  test('one that is no token is refused', () => {
    expect(() => generatorAsync(model, { maxTokens: 2, eos: [1, 7] })).toThrow(/eos is 7/)
  })
})

describe('texts to stop at', () => {
  // Any two tokens in a row that some row says: a text that begins in one token and ends in another.
  test.each([1, 3, 16])(
    'a row ends with the token that completes one, looked at every %i tokens',
    async (checkEvery) => {
      const config = { maxTokens: 14, temperature: 2, pad: 0, checkEvery } as const
      const free = await said(await run(config))
      const texts = free.tokens.map((row) => row.slice(3))
      // (half a character is known to be none only when the next token comes)
      const pairs = texts.flatMap((row) => row.slice(4).map((_, i) => tokenizer.decode(row.slice(4 + i, 6 + i))))
      const strings = [pairs.find((pair) => pair.length === 2 && !pair.includes('\ufffd'))!, 'no such text']
      const stopped = await said(await run({ ...config, stop: { strings, tokenizer } }))
      const lengths = texts.map((row) => {
        const at = row.findIndex((_, i) => strings.some((s) => tokenizer.decode(row.slice(0, i + 1)).includes(s)))
        return at < 0 ? row.length : at + 1
      })
      expect(Math.min(...lengths)).toBeLessThan(14)
      expect(stopped.lengths).toEqual(lengths)
      expect(stopped.ended).toEqual(
        lengths.map((n, r) => (strings.some((s) => tokenizer.decode(texts[r]!.slice(0, n)).includes(s)) ? 1 : 0)),
      )
      lengths.forEach((n, r) => {
        expect(stopped.tokens[r]!.slice(3)).toEqual([...texts[r]!.slice(0, n), ...new Array<number>(14 - n).fill(0)])
        expect(stopped.logp[r]).toEqual([...free.logp[r]!.slice(0, n), ...new Array<number>(14 - n).fill(0)])
        expect(stopped.mask[r]).toEqual(Array.from({ length: 14 }, (_, t) => (t < n ? 1 : 0)))
      })
    },
  )

  test('a row that could not be drawn behind its end is no error', async () => {
    // Greedy and sure: 3 leads to 4, 4 to 5, and after 5 nothing is a distribution.
    const sure = Float32Array.from({ length: V * V }, (_, i) => {
      const [from, to] = [Math.floor(i / V), i % V]
      return from === 5 ? NaN : to === (from + 1) % V ? 9 : 0
    })
    const after = (tokens: Integers): Floats => {
      const [rows, columns] = tokens.shape as readonly [number, number]
      return take(0)(tensor(sure, [V, V]), reshape([rows])(slice([0, columns - 1], [rows, columns])(tokens)))
    }
    const table: Decoder<null, null> = {
      vocab: V,
      context: Infinity,
      start: () => (tokens) => [after(tokens), null],
      extend: () => (tokens) => [after(tokens), null],
    }
    const generate = generatorAsync(table, {
      maxTokens: 8,
      temperature: 0,
      checkEvery: 8,
      stop: { strings: ['é'], tokenizer },
    })
    const given = { tokens: tensor(Int32Array.of(3), [1, 1]) }
    const { lengths } = await generate(null, given, random.key(0))
    expect(await read(lengths)).toEqual([2])
    await expect(
      generatorAsync(table, { maxTokens: 8, temperature: 0, checkEvery: 8, stop: { strings: ['no'], tokenizer } })(
        null,
        given,
        random.key(0),
      ),
    ).rejects.toThrow(/at token 2 of the completion/)
  })

  test('an empty one is refused; the text before one is what is told', () => {
    expect(() => generatorAsync(model, { maxTokens: 2, stop: { strings: [''], tokenizer } })).toThrow(/empty/)
    expect(untilStop(['cd', 'b'])('abcd')).toBe('a')
    expect(untilStop(['x'])('abcd')).toBe('abcd')
  })
})

describe('penalties', () => {
  const penalty = fc.record({
    repetitionPenalty: fc.constantFrom(1, 0.7, 1.5),
    presencePenalty: fc.constantFrom(0, 0.4, -1),
    frequencyPenalty: fc.constantFrom(0, 0.3, -0.5),
  })

  test('are those of a plain loop over what was said', async () => {
    await fc.assert(
      fc.asyncProperty(
        penalty,
        fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: V, maxLength: V }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: V, maxLength: V }),
        async (config, logits, counts) => {
          const held = {
            counts: tensor(counts, [1, V]),
            seen: tensor(
              Uint8Array.from(counts, (n) => Math.min(n, 1)),
              [1, V],
              'bool',
            ),
          }
          const wanted = {
            counts:
              config.presencePenalty !== 0 || config.frequencyPenalty !== 0
                ? tensor(Float32Array.from(counts), [1, V])
                : null,
            seen: config.repetitionPenalty !== 1 ? held.seen : null,
          }
          const penalised = await read(penalize(config)(tensor(Float32Array.from(logits), [1, V]), wanted))
          const f = Math.fround
          logits.map(f).forEach((logit, token) => {
            const n = counts[token]!
            const { repetitionPenalty: r, presencePenalty: p, frequencyPenalty: q } = config
            const once = n === 0 ? logit : logit > 0 ? logit / r : logit * r
            expect(penalised[token]).toBeCloseTo(once - q * n - (n > 0 ? p : 0), 5)
          })
        },
      ),
      { seed: 1, numRuns: 60 },
    )
  })

  test.each<GenerateConfig>([
    { maxTokens: 9, temperature: 0, repetitionPenalty: 1.8 },
    { maxTokens: 9, temperature: 1.3, presencePenalty: 0.8, frequencyPenalty: 0.6, checkEvery: 4 },
    { maxTokens: 9, temperature: 1, repetitionPenalty: 1.3, frequencyPenalty: -0.4, topK: 5, minP: 0.05, n: 2 },
  ])('%o: tokens and log-probabilities are drawn from the penalised distribution', async (config) => {
    const { maxTokens, n = 1, temperature = 1, topK, minP } = config
    const result = await said(await run(config))
    const own = [[1, 2, 3], [4], [5, 6]]
    const key = random.key(5)
    for (let t = 0; t < maxTokens; t++) {
      const sequences = result.tokens.map((row) => row.slice(0, 3 + t))
      const full = await read(
        model.apply(params, {
          starts: tensor(Int32Array.from([0, 2, 1].flatMap((s) => new Array<number>(n).fill(s))), [3 * n]),
        })(tensor(Int32Array.from(sequences.flat()), [3 * n, 3 + t])),
      )
      const logits = rowsOf(full, (3 + t) * V).map((row) => row.slice(-V))
      const penalised = logits.map((row, r) => {
        const completion = result.tokens[r]!.slice(3, 3 + t)
        const all = [...own[Math.floor(r / n)]!, ...completion]
        return row.map((logit, token) => {
          const times = completion.filter((x) => x === token).length
          const { repetitionPenalty: a = 1, presencePenalty: p = 0, frequencyPenalty: q = 0 } = config
          const once = !all.includes(token) ? logit : logit > 0 ? logit / a : logit * a
          return once - q * times - (times > 0 ? p : 0)
        })
      })
      const flat = tensor(Float32Array.from(penalised.flat()), [3 * n, V])
      const draw = sampleLogits({
        temperature,
        ...(topK !== undefined && { topK }),
        ...(minP !== undefined && { minP }),
      })(random.foldIn(key, t), flat)
      const [tokens, logp] = [await read(draw.tokens), await read(draw.logp)]
      expect(result.tokens.map((row) => row[3 + t])).toEqual(tokens)
      result.logp.forEach((row, r) => expect(row[t]).toBeCloseTo(logp[r]!, 4))
    }
  })

  test.each<Partial<GenerateConfig>>([
    { repetitionPenalty: 0 },
    { repetitionPenalty: 1e-300 },
    { repetitionPenalty: 1e39 },
    { temperature: 1e-320 },
    { temperature: 1e39 },
    { presencePenalty: NaN },
    { frequencyPenalty: Infinity },
  ])('%o is refused', (config) => {
    expect(() => generatorAsync(model, { maxTokens: 2, ...config })).toThrow(RangeError)
  })
})

describe('who listens', () => {
  test('hears every token of every row, once, up to its end', async () => {
    const heard: number[][] = [[], [], []]
    const config = { maxTokens: 12, temperature: 2, eos: 2, checkEvery: 5 } as const
    const quiet = await said(await run(config))
    const loud = await said(
      await run({
        ...config,
        onTokens: (rows) => {
          rows.forEach((row, r) => heard[r]!.push(...row))
        },
      }),
    )
    expect(loud).toEqual(quiet)
    expect(heard).toEqual(quiet.tokens.map((row, r) => row.slice(3, 3 + quiet.lengths[r]!)))
  })

  test('who throws gets it back, from the task too; the generator goes on at the next call', async () => {
    let calls = 0
    const config: GenerateConfig = {
      maxTokens: 9,
      checkEvery: 2,
      temperature: 2,
      onTokens: () => {
        if (++calls === 2) throw new TypeError('enough')
      },
    }
    const generate = generator(model, config)
    await expect(generate(params, prompts, random.key(5))()).rejects.toThrow(/enough/)
    const outcome = await generate(params, prompts, random.key(5))()
    if (isLeft(outcome)) throw new Error('it failed')
    const { onTokens: _, ...quiet } = config
    expect(await said(outcome.right)).toEqual(await said(await run(quiet)))
  })
})

test('where a tokenizer throws while texts are looked for, the cache is given back, too', async () => {
  const device = wasmDevice()
  const config = { maxTokens: 40, checkEvery: 4, temperature: 0, device } as const
  const wide = transformer(llama({ vocab: V, width: 64, layers: 2, heads: 2, context: 64 }))
  const own = await realizeAsync(wide.init(random.key(0)), device)
  const push = (): never => {
    throw new TypeError('a mistake of the tokenizer')
  }
  const before = device.stats().liveBytes
  const stop = { strings: ['x'], tokenizer: { stream: () => ({ push, end: () => '' }) } }
  await expect(generatorAsync(wide, { ...config, stop })(own, prompts, random.key(0))).rejects.toThrow(/a mistake/)
  // keys and values of 3 rows in 2 layers; what was drawn is small
  const cache = 2 * 2 * 3 * 42 * 64 * 4
  expect(device.stats().liveBytes - before).toBeLessThan(cache / 2)
  await device.destroy()
})

describe('a cache of two bytes', () => {
  test.each(['f16', 'bf16'] as const)('%s: log-probabilities are close to those of f32', async (cache) => {
    const [full, half] = [
      await said(await run({ maxTokens: 8, temperature: 0 })),
      await run({ maxTokens: 8, temperature: 0, cache }),
    ]
    // of the tokens that it drew itself, by a full forward pass
    const logits = model.apply(params, { starts: prompts.starts })(half.tokens)
    const { tokens, logp } = await said(half)
    const expected = rowsOf(await read(logits), 11 * V)
    tokens.forEach((row, r) => {
      for (let t = 0; t < 8; t++) {
        const scores = expected[r]!.slice((2 + t) * V, (3 + t) * V)
        const total = Math.log(scores.reduce((sum, x) => sum + Math.exp(x), 0))
        expect(Math.abs(logp[r]![t]! - (scores[row[3 + t]!]! - total))).toBeLessThan(cache === 'f16' ? 5e-3 : 5e-2)
      }
    })
    if (cache === 'f16') expect(tokens).toEqual(full.tokens)
  })

  test("is half as large, and a decoder's own matter", () => {
    const [, cache] = decoder(model, { cache: 'f16' }).start(params, { length: 8 })(prompts.tokens)
    expect(cache[0]!.keys.dtype).toBe('f16')
    expect(() => generatorAsync(decoder(model), { maxTokens: 2, cache: 'f16' })).toThrow(
      /decoder\(model, \{ cache \}\)/,
    )
  })
})

describe('what is not asked for', () => {
  const device = wasmDevice()
  const kernelsOf = (config: GenerateConfig): number => {
    const { start } = decoding(decoder(model), config, { drawn: 2, more: 2 })
    const program = jit(start, { device }).program(
      { params, starts: prompts.starts, key: random.key(0) },
      { tokens: prompts.tokens, starts: prompts.starts },
    )
    const count = (steps: readonly { readonly kind: string }[]): number =>
      steps.reduce(
        (sum, step) => sum + (step.kind === 'kernel' ? 1 : 'steps' in step ? count(step.steps as typeof steps) : 0),
        0,
      )
    return count(program?.steps ?? [])
  }

  test('costs no kernel, and changes no bit', async () => {
    const plain: GenerateConfig = { maxTokens: 4, temperature: 1.5, eos: 2 }
    const none = {
      ...plain,
      minP: 0,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      cache: 'f32',
    } as const
    expect(kernelsOf(plain)).toBe(kernelsOf(none))
    expect(kernelsOf({ ...plain, frequencyPenalty: 1 })).toBeGreaterThanOrEqual(kernelsOf(plain))
    expect(await said(await run(none))).toEqual(await said(await run(plain)))
  })
})
