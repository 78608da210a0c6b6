import { random, readAsync, requestDeviceAsync, setDefaultDevice, slice, type Tensor, tensor } from '@adjoint/tensor'
import { isRight } from 'fp-ts/lib/Either.js'
import { beforeAll, describe, expect, test } from 'vitest'
import type { GenerateConfig } from './generate-arguments.ts'
import { type Generation, generator, generatorAsync } from './generate.ts'
import { normalInit } from './init.ts'
import { tokenLogp } from './loss.ts'
import { gpt2 } from './models/gpt2.ts'
import { llama } from './models/llama.ts'
import { leftPad, type Prompts } from './text/pad.ts'
import { transformer, type TransformerConfig } from './transformer.ts'

const read = async (x: Tensor): Promise<readonly number[]> => [...(await readAsync(x))]
const sizes = { vocab: 7, width: 8, layers: 2, heads: 2, context: 16 }
const modelOf = (config: TransformerConfig) => {
  const model = transformer(config)
  const drawn = model.init(random.key(0))
  // A sharper model than a fresh one, so that what it says differs from row to row.
  return { model, params: { ...drawn, embedding: normalInit(1)(random.key(1), drawn.embedding.shape) } }
}
// Programs of many shapes, each run once: the interpreter, which compiles nothing. Other devices: devices.test.ts.
beforeAll(async () => {
  setDefaultDevice(await requestDeviceAsync({ kind: 'reference' }))
})

const { model, params } = modelOf(llama({ ...sizes, kvHeads: 1, tiedHead: true }))
const rows = [[1, 2, 3], [4], [5, 6]] as const
const prompts = leftPad({ pad: 0 })(rows)

const run = (config: GenerateConfig, given: Prompts = prompts, seed = 5): Promise<Generation> =>
  generatorAsync(model, config)(params, given, random.key(seed))
const rowsOf = (flat: readonly number[], width: number): readonly (readonly number[])[] =>
  Array.from({ length: flat.length / width }, (_, r) => flat.slice(r * width, (r + 1) * width))

describe('generate', () => {
  test.each([
    ['llama', modelOf(llama({ ...sizes, kvHeads: 1, tiedHead: true }))],
    ['gpt2', modelOf(gpt2(sizes))],
  ])('greedy from a %s takes the largest logit of a full forward, token by token', async (_, own) => {
    const prompt = tensor(Int32Array.from([1, 2, 3, 4]), [2, 2])
    const { tokens } = await generatorAsync(own.model, { maxTokens: 5, temperature: 0 })(
      own.params,
      { tokens: prompt },
      random.key(0),
    )
    const made = rowsOf(await read(tokens), 7)
    for (let t = 2; t < 7; t++) {
      const seen = tensor(Int32Array.from(made.flatMap((row) => row.slice(0, t))), [2, t])
      const logits = rowsOf(await read(slice([0, t - 1], [2, t])(own.model.apply(own.params)(seen))), 7)
      expect(made.map((row) => row[t])).toEqual(logits.map((row) => row.indexOf(Math.max(...row))))
    }
  })

  test('log-probabilities are those of a full forward at the same temperature', async () => {
    const { tokens, logp } = await run({ maxTokens: 6, temperature: 0.7 })
    const logits = slice([0, 2], [3, 8])(model.apply(params, { starts: prompts.starts })(tokens))
    const scaled = tensor(
      (await read(logits)).map((v) => v / 0.7),
      [3, 6, 7],
    )
    const expected = await read(tokenLogp(scaled, slice([0, 3], [3, 9])(tokens)))
    ;(await read(logp)).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 5))
  })

  test('a row ends at its EOS: masked, padded and counted up to there, its EOS included', async () => {
    const free = await run({ maxTokens: 8, temperature: 2 })
    // a token that was drawn, so that some row ends early
    const eos = (await read(free.tokens))[3 + 2]!
    const ended = await run({ maxTokens: 8, temperature: 2, eos, pad: 6, checkEvery: 3 })
    const [before, after] = [rowsOf(await read(free.tokens), 11), rowsOf(await read(ended.tokens), 11)]
    const [mask, logp, freeLogp] = [
      rowsOf(await read(ended.mask), 8),
      rowsOf(await read(ended.logp), 8),
      rowsOf(await read(free.logp), 8),
    ]
    const lengths = before.map((row) => {
      const at = row.slice(3).indexOf(eos)
      return at < 0 ? 8 : at + 1
    })
    expect(lengths.some((n) => n < 8)).toBe(true)
    expect(await read(ended.lengths)).toEqual(lengths)
    expect(await read(ended.ended)).toEqual(before.map((row) => (row.slice(3).includes(eos) ? 1 : 0)))
    lengths.forEach((n, r) => {
      expect(after[r]).toEqual([...before[r]!.slice(0, 3 + n), ...new Array<number>(8 - n).fill(6)])
      expect(mask[r]).toEqual(Array.from({ length: 8 }, (_, t) => (t < n ? 1 : 0)))
      expect(logp[r]).toEqual([...freeLogp[r]!.slice(0, n), ...new Array<number>(8 - n).fill(0)])
    })
  })

  test('how often the host looks changes nothing', async () => {
    const results = await Promise.all(
      [1, 2, 100].map(async (checkEvery) => {
        const { tokens, logp, mask } = await run({ maxTokens: 8, temperature: 2, eos: 2, checkEvery })
        return [await read(tokens), await read(logp), await read(mask)]
      }),
    )
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
  })

  test('all rows ended: the host stops, and what was not drawn is padding', async () => {
    const sure = { ...params, embedding: tensor(new Float32Array(7 * 8), [7, 8]) } // all tokens equally likely: greedy says 0
    const generate = generatorAsync(model, { maxTokens: 8, temperature: 0, eos: 0, pad: 3, checkEvery: 2 })
    const { tokens, lengths } = await generate(sure, prompts, random.key(0))
    expect(await read(lengths)).toEqual([1, 1, 1])
    expect(rowsOf(await read(tokens), 11).map((row) => row.slice(3))).toEqual(rows.map(() => [0, 3, 3, 3, 3, 3, 3, 3]))
  })

  test('padding, its width and the rows below change nothing of a row', async () => {
    const config = { maxTokens: 5, temperature: 1 }
    const completions = async (given: Prompts): Promise<readonly (readonly number[])[]> => {
      const { tokens } = await run(config, given)
      return rowsOf(await read(tokens), given.tokens.shape[1]! + 5).map((row) => row.slice(-5))
    }
    const batch = await completions(prompts)
    expect(await completions(leftPad({ pad: 6, width: 7 })(rows))).toEqual(batch)
    expect(await completions({ tokens: tensor(Int32Array.from(rows[0]), [1, 3]) })).toEqual(batch.slice(0, 1))
  })

  test('the key decides what is drawn', async () => {
    const drawn = async (seed: number): Promise<readonly number[]> =>
      read((await run({ maxTokens: 8, temperature: 2, topK: 6, topP: 0.99 }, prompts, seed)).tokens)
    expect(await drawn(1)).toEqual(await drawn(1))
    expect(await drawn(1)).not.toEqual(await drawn(2))
  })

  test('prompt and completion longer than the context are refused', async () => {
    await expect(run({ maxTokens: 15 })).rejects.toThrow(
      /3 columns of prompt and 15 tokens .* longer than the context of 16/,
    )
    const task = generator(model, { maxTokens: 15 })(params, prompts, random.key(0))
    await expect(task()).rejects.toThrow(/longer than the context/)
  })

  test('a completion may end where the context does: its last token is not read', async () => {
    const { tokens } = await run({ maxTokens: 14 })
    expect(tokens.shape).toEqual([3, 17])
  })

  test('the task holds what the awaiting twin returns', async () => {
    const outcome = await generator(model, { maxTokens: 4 })(params, prompts, random.key(5))()
    expect(isRight(outcome) && (await read(outcome.right.tokens))).toEqual(
      await read((await run({ maxTokens: 4 })).tokens),
    )
  })
})

describe('logits that are no distribution', () => {
  const free = modelOf(llama({ ...sizes, kvHeads: 1, tiedHead: false }))
  const drawn = async (own: typeof free.params, config: GenerateConfig) =>
    generatorAsync(free.model, config)(own, prompts, random.key(3))
  /** The parameters with a table that has no row for this token. */
  const without = async (token: number) => {
    const table = await read(free.params.embedding)
    const broken = table.map((x, i) => (Math.floor(i / sizes.width) === token ? NaN : x))
    return { ...free.params, embedding: tensor(broken, [sizes.vocab, sizes.width]) }
  }

  test.each<GenerateConfig>([
    { maxTokens: 6, temperature: 0 },
    { maxTokens: 6, temperature: 2 },
    { maxTokens: 6, temperature: 2, topK: 3, eos: 2, checkEvery: 2 },
  ])('%o: the first row that meets them is named, with its token and its prompt', async (config) => {
    const { tokens, mask } = await drawn(free.params, config)
    const [made, counted] = [rowsOf(await read(tokens), 9), rowsOf(await read(mask), 6)]
    for (let token = 1; token < sizes.vocab; token++) {
      // (0 fills the padding) the column at which a row has read the token: at the next draw its logits are NaN
      const at = rows.map((row, r) => {
        if ((row as readonly number[]).includes(token)) return 0
        const t = made[r]!.slice(3, 8).findIndex((x, i) => x === token && counted[r]![i + 1] === 1)
        return t < 0 ? Infinity : t + 1
      })
      const broken = [...at.keys()].filter((r) => at[r]! < Infinity)
      const outcome = drawn(await without(token), config)
      if (broken.length === 0) {
        expect(await read((await outcome).tokens)).toEqual(made.flat())
        continue
      }
      const first = broken[0]!
      await expect(outcome).rejects.toMatchObject({ name: 'SamplingError', rows: broken })
      await expect(outcome).rejects.toThrow(
        RegExp(
          `logits of row ${first}\\b.* at token ${at[first]!} of .*row ${first}'s prompt is ${rows[first]!.join(' ')}\\)`,
        ),
      )
    }
  })

  test('the task has them on its left', async () => {
    const task = generator(free.model, { maxTokens: 3 })(await without(4), prompts, random.key(0))
    expect(await task()).toMatchObject({ left: { _tag: 'NoDistribution', rows: [1] } })
  })
})

describe('arguments', () => {
  test('without a key only greedy generation runs', async () => {
    const keyless = (temperature: number) =>
      generatorAsync(model, { maxTokens: 2, temperature })(params, prompts, undefined as never)
    await expect(keyless(1)).rejects.toThrow(/generate: the key is undefined. Give a key/)
    expect((await keyless(0)).tokens.shape).toEqual([3, 5])
  })

  test.each<readonly [Partial<GenerateConfig>, RegExp]>([
    [{ maxTokens: 0 }, /generate: maxTokens is 0/],
    [{ maxTokens: undefined as never }, /maxTokens is undefined/],
    [{ checkEvery: 0 }, /checkEvery is 0/],
    [{ eos: 7 }, /eos is 7. Give a token of the vocabulary, 0 to 6/],
    [{ pad: -1 }, /pad is -1/],
    [{ temperature: NaN }, /temperature is NaN/],
  ])('%o is refused where the generator is made', (config, message) => {
    expect(() => generatorAsync(model, { maxTokens: 4, ...config })).toThrow(message)
  })

  test("prompts that are not the model's are refused", async () => {
    await expect(run({ maxTokens: 2 }, leftPad({ pad: 0 })([[1, 7]]))).rejects.toThrow(/generate: id 7 at \[0, 1\]/)
    await expect(run({ maxTokens: 2 }, { tokens: tensor([1, 2], [2], 'i32') })).rejects.toThrow(
      /prompts are \[batch, columns\]/,
    )
    const wrong = { tokens: prompts.tokens, starts: tensor([0], [1], 'i32') }
    await expect(run({ maxTokens: 2 }, wrong)).rejects.toThrow(/starts are \[batch\]/)
  })
})

describe('leftPad', () => {
  test('ends all rows at the last column', async () => {
    expect(rowsOf(await read(prompts.tokens), 3)).toEqual([
      [1, 2, 3],
      [0, 0, 4],
      [0, 5, 6],
    ])
    expect(await read(prompts.starts)).toEqual([0, 2, 1])
  })

  test('refuses what does not fit', () => {
    expect(() => leftPad({ pad: 0 })([])).toThrow(/no sequence/)
    expect(() => leftPad({ pad: 0 })([[1], []])).toThrow(/sequence 1 has 0 tokens/)
    expect(() => leftPad({ pad: 0, width: 1 })([[1, 2]])).toThrow(/sequence 0 has 2 tokens, and must have 1 to 1/)
  })
})
