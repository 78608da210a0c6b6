// A tokenizer's files in a folder: what is read there is what was saved, whatever lay there before.
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
      for (const given of [before, after]) {
        await saveTokenizerAsync({ path: 'm', files })(given)
        expect(plain(await loadTokenizerFilesAsync({ path: 'm', files }))).toEqual(plain(given))
      }
      // what is no tokenizer's stays
      expect(contents.get('m/model.safetensors')).toEqual(new Uint8Array([1]))
    }),
    { seed: 1, numRuns: 60 },
  )
})
