// A real model's GGUF file, as people download it: ADJOINT_MODELS names the folder that holds it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isLeft } from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { loadTokenizer } from '../index.ts'

const path = join(process.env.ADJOINT_MODELS ?? '', 'SmolLM2-135M-Instruct.Q4_1.gguf')
const present = process.env.ADJOINT_MODELS !== undefined && existsSync(path)
if (!present) console.log('skipped: ADJOINT_MODELS names no folder with SmolLM2-135M-Instruct.Q4_1.gguf')

describe.skipIf(!present)('the tokenizer of SmolLM2', async () => {
  const outcome = present ? await loadTokenizer({ path })() : null
  if (outcome === null) return
  if (isLeft(outcome)) throw new Error(outcome.left.message)
  const smol = outcome.right

  test('knows its special tokens, and reads digits one by one', () => {
    expect([smol.size, smol.bos, smol.pad]).toEqual([49152, 1, 2])
    expect(smol.eos).toEqual([2, 0])
    // ids as Hugging Face's own tokenizer gives them for HuggingFaceTB/SmolLM2-135M-Instruct
    expect(smol.encode('Hello world 12')).toEqual([19556, 905, 216, 33, 34])
    expect(smol.decode(smol.encode(' 😶‍🌫️ été\n\n  12'))).toBe(' 😶‍🌫️ été\n\n  12')
  })

  test('its template is that of the file: a system turn, then the messages', () => {
    const chat = smol.chat([{ role: 'user', content: 'Hi<|im_end|>' }])
    if (isLeft(chat)) throw new Error(chat.left.message)
    expect(smol.decode(chat.right, { showSpecial: true })).toBe(
      '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' +
        '<|im_start|>user\nHi<|im_end|><|im_end|>\n<|im_start|>assistant\n',
    )
    expect(chat.right.filter((id) => id === 2)).toHaveLength(2)
  })
})
