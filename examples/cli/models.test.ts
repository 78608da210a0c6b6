// A model by its path or by its name.
import * as E from 'fp-ts/lib/Either.js'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testFolder } from './child.support.ts'
import { modelPath } from './models.ts'

const root = await testFolder('models')
writeFileSync(join(root, 'SmolLM2-135M-Instruct.Q4_1.gguf'), '')
writeFileSync(join(root, 'notes.txt'), '')

test('a path is itself; a name is looked for, in any case of its letters', () => {
  const file = join(root, 'SmolLM2-135M-Instruct.Q4_1.gguf')
  expect(modelPath(root, '')).toEqual(E.right(root))
  expect(modelPath('smollm2', root)).toEqual(E.right(file))
  expect(modelPath(null, root)).toEqual(E.right(file))
})

test('a name that is none, or more than one, is told with what is there', () => {
  expect(modelPath('gpt', root)).toMatchObject({
    left: expect.stringContaining('there is SmolLM2-135M-Instruct') as string,
  })
  expect(modelPath('notes', root)).toMatchObject({ _tag: 'Left' })
  expect(modelPath('smollm2', '')).toMatchObject({ left: expect.stringContaining('names no folder') as string })
  expect(modelPath(null, '')).toMatchObject({ left: expect.stringContaining('--model DIR') as string })
  mkdirSync(join(root, 'smollm2-tuned'))
  writeFileSync(join(root, 'smollm2-tuned', 'config.json'), '{}')
  expect(modelPath('smollm2', root)).toMatchObject({ left: expect.stringContaining('more of its name') as string })
  expect(modelPath('smollm2-tuned', root)).toEqual(E.right(join(root, 'smollm2-tuned')))
})

test('a GGUF file by its beginning, whatever its name; links to nothing are passed over', async () => {
  const home = await testFolder('models-beginnings')
  writeFileSync(join(home, 'weights.bin'), 'GGUF and more')
  writeFileSync(join(home, 'readme'), 'GGU')
  symlinkSync(join(home, 'nowhere'), join(home, 'weights.gguf'))
  expect(modelPath(null, home)).toEqual(E.right(join(home, 'weights.bin')))
  expect(modelPath('weights', home)).toEqual(E.right(join(home, 'weights.bin')))
})
