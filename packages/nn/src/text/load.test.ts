import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLeft } from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { huggingFaceTokenizer, loadTokenizer } from '../index.ts'
import { nodeFiles } from '../io/files.ts'
import { BYTE_CHARACTERS } from './pieces.ts'

const tokenizer = {
  model: { type: 'BPE', vocab: Object.fromEntries(BYTE_CHARACTERS.map((piece, id) => [piece, id])), merges: [] },
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
  decoder: { type: 'ByteLevel' },
  added_tokens: [
    { id: 256, content: '<s>', special: true },
    { id: 257, content: '</s>', special: true },
    { id: 258, content: '<turn>', special: true },
    { id: 259, content: '<think>', special: false },
  ],
  post_processor: {
    type: 'Sequence',
    processors: [
      { type: 'ByteLevel' },
      {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }, { SpecialToken: { id: '</s>' } }],
      },
    ],
  },
}

const folderOf = (files: Readonly<Record<string, unknown>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-'))
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  return folder
}

describe('loadTokenizer', () => {
  test('takes roles, ends and the template from the files beside it', async () => {
    const path = folderOf({
      'tokenizer.json': tokenizer,
      'tokenizer_config.json': { eos_token: '</s>', chat_template: 'no' },
      'special_tokens_map.json': { bos_token: { content: '<s>' }, eos_token: '<turn>' },
      'generation_config.json': { eos_token_id: [258, 257] },
      'chat_template.jinja': '{{ bos_token }}{{ messages[0].content }}<turn>',
    })
    for (const at of [path, join(path, 'tokenizer.json')])
      expect(await loadTokenizer({ path: at })()).toMatchObject({
        right: { bos: 256, eos: [257, 258], pad: null, size: 260 },
      })
    const outcome = await loadTokenizer({ path })()
    if (isLeft(outcome)) throw new Error(outcome.left.message)
    const { encode, chat, decode } = outcome.right
    expect(encode('a', { addSpecial: true })).toEqual([256, ...encode('a'), 257])
    expect(encode('<think>')).toEqual([259])
    expect(chat([{ role: 'user', content: 'a<turn>' }])).toEqual({
      _tag: 'Right',
      right: [256, ...encode('a<turn>'), 258],
    })
    expect(decode(encode('a<turn>\ufeff'))).toBe('a<turn>\ufeff')
    expect(() => decode([260])).toThrow(/token 260 is outside the vocabulary of 260/)
    expect(decode([...encode('a'), 260, ...encode('b')], { skipUnknown: true })).toBe('ab')
  })

  test.each<readonly [string, Readonly<Record<string, unknown>>, RegExp]>([
    ['MissingFile', {}, /tokenizer\.json/],
    ['Malformed', { 'tokenizer.json': '{' }, /no JSON/],
    ['Malformed', { 'tokenizer.json': 'null' }, /no description/],
    ['Malformed', { 'tokenizer.json': { model: { vocab: {} } } }, /no vocabulary/],
    [
      'Malformed',
      { 'tokenizer.json': tokenizer, 'tokenizer_config.json': '[' },
      /tokenizer_config\.json: it is no JSON/,
    ],
    ['Malformed', { 'tokenizer.json': tokenizer, 'chat_template.jinja': '{% if %}' }, /template/],
    ['UnsupportedTokenizer', { 'tokenizer.json': { model: { ...tokenizer.model, type: 'WordLevel' } } }, /"WordLevel"/],
    ['Malformed', { 'tokenizer.json': { model: { ...tokenizer.model, merges: null } } }, /no list of merges/],
    ['MissingSpecial', { 'tokenizer.json': tokenizer, 'tokenizer_config.json': { eos_token: '<end>' } }, /no "<end>"/],
    ['MissingSpecial', { 'tokenizer.json': tokenizer, 'generation_config.json': { eos_token_id: 999 } }, /token 999/],
    ['UnsupportedTokenizer', { 'tokenizer.json': { ...tokenizer, decoder: { type: 'WordPiece' } } }, /"WordPiece"/],
  ])('%s: %#', async (tag, files, message) => {
    const outcome = await loadTokenizer({ path: folderOf(files) })()
    expect(outcome).toMatchObject({ left: { _tag: tag } })
    expect(isLeft(outcome) && outcome.left.message).toMatch(message)
  })

  test('what the file system says otherwise is told, and nothing thrown is swallowed', async () => {
    const failing = (error: Error) =>
      loadTokenizer({ path: 'x', files: { ...nodeFiles, read: () => Promise.reject(error) } })()
    expect(await failing(Object.assign(new Error('no'), { code: 'EACCES' }))).toMatchObject({
      left: { _tag: 'FileSystem' },
    })
    await expect(failing(new TypeError('a bug'))).rejects.toThrow(/a bug/)
  })

  test('without a template there is no conversation', () => {
    const made = huggingFaceTokenizer({ tokenizer })
    if (isLeft(made)) throw new Error(made.left.message)
    expect(made.right.chat([])).toMatchObject({ left: { _tag: 'NoTemplate' } })
  })
})
