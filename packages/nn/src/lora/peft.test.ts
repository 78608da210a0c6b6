// Adapters in PEFT's folder: what is written is read, under PEFT's names; what is another adapter is refused by its field.
import { random, tensor, type Tensor, tree, type Tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { type Either, isLeft, isRight } from 'fp-ts/lib/Either.js'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  type Adapter,
  type CheckpointError,
  gpt2,
  gpt2Modules,
  llama,
  loadAdapter,
  type LoadedAdapter,
  lora,
  type LoraConfig,
  projections,
  saveAdapter,
  transformer,
  withWeightsAsync,
} from '../index.ts'

const root = mkdtempSync(join(tmpdir(), 'adjoint-peft-'))
afterAll(() => rmSync(root, { recursive: true }))
let made = 0
const folder = (): string => {
  const path = join(root, String(made++))
  mkdirSync(path)
  return path
}
const model = transformer(llama({ vocab: 13, width: 8, layers: 2, heads: 4, kvHeads: 2, hidden: 12, context: 8 }))
const base = model.init(random.key(0))
const split = projections(model.config)
const values = (t: Tree): readonly (readonly number[])[] => evaluate(tree.leaves(t)).map((v) => [...v.data])
/** An adapter of numbers that f32 has. */
const adapterOf = (config: LoraConfig, of: Tree = base): Adapter => {
  let next = 0
  const number = (): number => ((next++ * 37) % 101) / 64 - 0.75
  const drawn = ({ shape }: Tensor) => tensor(Float32Array.from({ length: shape[0]! * shape[1]! }, number), shape)
  return tree.map(drawn, lora(config).init(of)(random.key(1)))
}
const right = <A>(result: Either<CheckpointError, A>): A => {
  if (isLeft(result)) throw new Error(result.left.message)
  return result.right
}
const left = (result: Either<CheckpointError, unknown>): CheckpointError => {
  if (isRight(result)) throw new Error('nothing failed')
  return result.left
}
const fieldsIn = (path: string) =>
  JSON.parse(readFileSync(join(path, 'adapter_config.json'), 'utf8')) as Readonly<Record<string, unknown>>

describe('an adapter in a folder', () => {
  test('is read as it was written, with its configuration', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          rank: fc.integer({ min: 1, max: 3 }),
          alpha: fc.constantFrom(0.5, 4, 16),
          rankStabilized: fc.boolean(),
          dropout: fc.constantFrom(0, 0.25),
          targets: fc.subarray(['q', 'k', 'v', 'out', 'gate', 'up', 'down', 'head', 'blocks.1.mlp.up'], {
            minLength: 1,
          }),
        }),
        async (drawn) => {
          const config = { ...drawn, split }
          const [path, adapter] = [folder(), adapterOf(config)]
          right(await saveAdapter({ path, lora: config })(adapter)())
          const loaded = right<LoadedAdapter>(await loadAdapter({ path, split })(base)())
          expect(values(loaded.adapter)).toEqual(values(adapter))
          expect(Object.keys(loaded.adapter).sort()).toEqual(Object.keys(adapter).sort())
          const { targets, ...rest } = loaded.config
          expect(rest).toEqual({ ...config, targets: undefined })
          // what it targets is what it has
          const again = lora({ ...loaded.config, targets }).init(base)(random.key(0))
          expect(Object.keys(again).sort()).toEqual(Object.keys(adapter).sort())
        },
      ),
      { seed: 1, numRuns: 12 },
    )
  })

  test("has PEFT's names and shapes", async () => {
    const config = { rank: 3, alpha: 6, targets: ['k', 'down'], split }
    const path = folder()
    right(await saveAdapter({ path, lora: config, base: 'a/b' })(adapterOf(config))())
    expect(fieldsIn(path)).toMatchObject({
      ...{ peft_type: 'LORA', r: 3, lora_alpha: 6, use_rslora: false, rank_pattern: {}, bias: 'none' },
      ...{ target_modules: ['down_proj', 'k_proj'], base_model_name_or_path: 'a/b', fan_in_fan_out: false },
    })
    const shapes = await withWeightsAsync({ path: join(path, 'adapter_model.safetensors') })(({ tensors }) =>
      Promise.resolve(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))),
    )
    const at = 'base_model.model.model.layers'
    expect(shapes).toMatchObject({
      [`${at}.0.self_attn.k_proj.lora_A.weight`]: [3, 8],
      [`${at}.1.self_attn.k_proj.lora_B.weight`]: [4, 3],
      [`${at}.1.mlp.down_proj.lora_A.weight`]: [3, 12],
      [`${at}.0.mlp.down_proj.lora_B.weight`]: [8, 3],
    })
    expect(Object.keys(shapes)).toHaveLength(8)
  })

  test('of ranks that differ, and of some layers alone, says so', async () => {
    const whole = adapterOf({ rank: 2, targets: ['q', 'up'], split })
    const low = adapterOf({ rank: 1, targets: ['q'], split })
    const all: Adapter = { ...whole, 'blocks.1.attention.q': low['blocks.1.attention.q']! }
    const some = Object.fromEntries(Object.entries(all).filter(([path]) => path !== 'blocks.0.mlp.up'))
    const path = folder()
    right(await saveAdapter({ path, lora: { rank: 2, targets: [] } })(some)())
    const { target_modules: modules, rank_pattern: ranks } = fieldsIn(path)
    expect([...(modules as readonly string[])].sort()).toEqual([
      'model.layers.0.self_attn.q_proj',
      'model.layers.1.mlp.up_proj',
      'model.layers.1.self_attn.q_proj',
    ])
    expect(ranks).toEqual({ 'model.layers.1.self_attn.q_proj': 1 })
    expect(values(right(await loadAdapter({ path, split })(base)()).adapter)).toEqual(values(some))
  })

  test('of later layers alone names them in full: a last name would be of all layers', async () => {
    const all = adapterOf({ rank: 2, targets: ['q', 'up'], split })
    const later = Object.fromEntries(Object.entries(all).filter(([path]) => path.startsWith('blocks.1.')))
    const path = folder()
    right(await saveAdapter({ path, lora: { rank: 2, targets: [] } })(later)())
    expect([...(fieldsIn(path)['target_modules'] as readonly string[])].sort()).toEqual([
      'model.layers.1.mlp.up_proj',
      'model.layers.1.self_attn.q_proj',
    ])
  })

  test('of GPT-2 is of its one matrix of queries, keys and values', async () => {
    const gpt = transformer(gpt2({ vocab: 13, width: 8, layers: 1, heads: 2, context: 8 }))
    const params = gpt.init(random.key(0))
    const config = { rank: 2, targets: ['qkv', 'up'] }
    const [path, adapter] = [folder(), adapterOf(config, params)]
    expect(() => saveAdapter({ path, lora: config })(adapter)).toThrow(/blocks\.0\.attention\.qkv has no name in PEFT/)
    right(await saveAdapter({ path, lora: config, modules: gpt2Modules })(adapter)())
    expect(fieldsIn(path)).toMatchObject({ target_modules: ['c_attn', 'c_fc'], fan_in_fan_out: true })
    const loaded = right(await loadAdapter({ path, modules: gpt2Modules })(params)())
    expect(values(loaded.adapter)).toEqual(values(adapter))
  })
})

describe('a folder that is none of this model', () => {
  const config = { rank: 2, targets: ['q'], split }
  const saved = async (): Promise<string> => {
    const path = folder()
    right(await saveAdapter({ path, lora: config })(adapterOf(config))())
    return path
  }
  const rewrite = (path: string, over: Readonly<Record<string, unknown>>): void => {
    writeFileSync(join(path, 'adapter_config.json'), JSON.stringify({ ...fieldsIn(path), ...over }))
  }

  test('is a mismatch that names what differs', async () => {
    const path = await saved()
    const other = transformer(llama({ vocab: 13, width: 16, layers: 2, heads: 4, kvHeads: 2, context: 8 }))
    const params = other.init(random.key(0))
    expect(left(await loadAdapter({ path, split: projections(other.config) })(params)())).toMatchObject({
      _tag: 'Mismatch',
      message: expect.stringMatching(
        /the adapter is of another model: its a and b at blocks\.0\.attention\.q/,
      ) as unknown,
    })
    const shorter = transformer(llama({ vocab: 13, width: 8, layers: 1, heads: 4, kvHeads: 2, context: 8 }))
    expect(left(await loadAdapter({ path, split })(shorter.init(random.key(0)))())).toMatchObject({
      _tag: 'Mismatch',
      message: expect.stringMatching(/it has blocks\.1\.attention\.q/) as unknown,
    })
    // names that no table has
    expect(left(await loadAdapter({ path, split, modules: gpt2Modules })(base)())).toMatchObject({ _tag: 'Mismatch' })
  })

  test.each([
    ['use_dora', true],
    ['modules_to_save', ['lm_head']],
    ['alpha_pattern', { q_proj: 3 }],
    ['bias', 'all'],
    ['peft_type', 'LOHA'],
    ['init_lora_weights', 'pissa'],
    ['something_new', 7],
  ])('with %s is refused by that name', async (field, value) => {
    const path = await saved()
    rewrite(path, { [field]: value })
    expect(left(await loadAdapter({ path, split })(base)())).toMatchObject({ _tag: 'Unsupported', leaf: field })
  })

  test('with fields that say nothing of A and B is read', async () => {
    const path = await saved()
    rewrite(path, {
      peft_version: '0.21.2',
      loftq_config: {},
      use_qalora: false,
      qalora_group_size: 16,
      lora_bias: false,
    })
    right(await loadAdapter({ path, split })(base)())
  })

  test('that is missing, cut or no JSON is what it is', async () => {
    expect(left(await loadAdapter({ path: join(root, 'nowhere') })(base)())._tag).toBe('MissingFile')
    const path = await saved()
    rewrite(path, { r: 0 })
    expect(left(await loadAdapter({ path, split })(base)())).toMatchObject({ _tag: 'Format' })
    writeFileSync(join(path, 'adapter_config.json'), '{"r": 2')
    expect(left(await loadAdapter({ path, split })(base)())).toMatchObject({ _tag: 'Format' })
    const cut = await saved()
    const weights = join(cut, 'adapter_model.safetensors')
    writeFileSync(weights, readFileSync(weights).subarray(0, -4))
    expect(left(await loadAdapter({ path: cut, split })(base)())._tag).toBe('Corrupt')
  })
})
