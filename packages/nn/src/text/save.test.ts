// A tokenizer's files in a folder: what is read there is what was saved, whatever lay there before.
import { replaceBy } from '../io/files.ts'
import { filesIn } from '../io/files.support.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TokenizerFiles } from './hugging-face.ts'
import { loadTokenizerFilesAsync } from './load.ts'
import { saveTokenizerAsync } from './save.ts'

const some = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer()), { maxKeys: 2, noNullPrototype: true })
/** Any of the files beside the first, or none. */
const tokenizer: fc.Arbitrary<TokenizerFiles> = fc.record(
  { tokenizer: some, config: some, generation: some, specialTokens: some, template: fc.string() },
  { requiredKeys: ['tokenizer'] },
)
const plain = (files: TokenizerFiles): unknown => JSON.parse(JSON.stringify({ ...files, path: null }))

test('are all of what is read, and nothing of a tokenizer that was there before', async () => {
  await fc.assert(
    fc.asyncProperty(tokenizer, tokenizer, async (before, after) => {
      const contents = new Map([['m/model.safetensors', new Uint8Array([1])]])
      const files = filesIn(contents)
      const settings: Record<string, unknown> = {}
      for (const given of [before, after]) {
        await saveTokenizerAsync({ path: 'm', files })(given)
        Object.assign(settings, given.generation)
        const generation = Object.keys(settings).length > 0 ? settings : given.generation
        expect(plain(await loadTokenizerFilesAsync({ path: 'm', files }))).toEqual(plain({ ...given, generation }))
      }
      // what is no tokenizer's stays
      expect(contents.get('m/model.safetensors')).toEqual(new Uint8Array([1]))
    }),
    { seed: 1, numRuns: 60 },
  )
})

const saved = (files: Readonly<Record<string, unknown>>): Map<string, Uint8Array> =>
  new Map(
    Object.entries(files).map(([name, fields]) => [`m/${name}`, new TextEncoder().encode(JSON.stringify(fields))]),
  )
const read = (contents: ReadonlyMap<string, Uint8Array>, name: string): unknown =>
  JSON.parse(new TextDecoder().decode(contents.get(`m/${name}`)))

test("the model's own settings of a generation stay, without the ids of the tokens that were", async () => {
  const contents = saved({
    'generation_config.json': { temperature: 0.6, do_sample: true, eos_token_id: [7, 8], suppress_tokens: [3] },
  })
  const save = saveTokenizerAsync({ path: 'm', files: filesIn(contents) })
  await save({ tokenizer: {} })
  expect(read(contents, 'generation_config.json')).toEqual({ temperature: 0.6, do_sample: true })
  await save({ tokenizer: {}, generation: { eos_token_id: 1, temperature: 1 } })
  expect(read(contents, 'generation_config.json')).toEqual({ temperature: 1, do_sample: true, eos_token_id: 1 })
})

test('settings that cannot be read are not lost: nothing is written', async () => {
  for (const text of ['{"temperature": 0.6', '[1]', '\xff']) {
    const contents = new Map([['m/generation_config.json', Uint8Array.from(text, (c) => c.charCodeAt(0))]])
    const save = saveTokenizerAsync({ path: 'm', files: filesIn(contents) })({ tokenizer: {} })
    await expect(save).rejects.toMatchObject({ error: { _tag: 'Format', path: 'm/generation_config.json' } })
    expect([...contents.keys()]).toEqual(['m/generation_config.json'])
  }
})

test.each([[{ tokenizer: { a: 1 } }], [{ tokenizer: { a: 1 }, config: { b: 2 }, template: 'c' }]])(
  'failing at any rename: all is as it was',
  async (given) => {
    const old = {
      'tokenizer.json': { old: 0 },
      'tokenizer_config.json': { old: 1 },
      'special_tokens_map.json': { old: 2 },
    }
    for (let at = 0, failed = true; failed; at++) {
      failed = false
      const contents = saved(old)
      const files = filesIn(contents)
      let renames = 0
      const replace = replaceBy({
        writeThrough: (path, pieces) => files.replace([{ path, pieces }]),
        rename: async (from, to) => {
          const bytes = contents.get(from)
          if (bytes === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
          // the way back succeeds
          if (!failed && renames++ === at) {
            failed = true
            throw Object.assign(new Error('EPERM'), { code: 'EPERM' })
          }
          contents.delete(from)
          contents.set(to, bytes)
        },
        remove: async (path) => void contents.delete(path),
        syncFolder: () => Promise.resolve(),
      })
      const save = saveTokenizerAsync({ path: 'm', files: { ...files, replace } })(given)
      await save.then(
        () => expect(failed).toBe(false),
        () => {
          expect(failed).toBe(true)
          expect(new Map([...contents].sort())).toEqual(new Map([...saved(old)].sort()))
        },
      )
      expect(at).toBeLessThan(20)
    }
  },
)
