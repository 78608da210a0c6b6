// Learning byte-level BPE: laws of any text, and what it learns of small ones.
import { Tokenizer as Library } from '@huggingface/tokenizers'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { huggingFaceTokenizer, loadTokenizer, saveTokenizer, type Tokenizer, trainBpe } from '../index.ts'
import { maxHeap } from './heap.ts'

interface Encoder {
  readonly encode: (text: string) => { readonly ids: readonly number[] }
}
// eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- its declarations import files without extensions, which a module of Node's does not resolve
const makeLibrary: new (tokenizer: object, config: object) => Encoder = Library

const right = <A>(outcome: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(outcome)) throw new Error(outcome.left.message)
  return outcome.right
}
interface Description {
  readonly model: { readonly merges: readonly string[]; readonly vocab: Readonly<Record<string, number>> }
}
const trained = async (texts: readonly string[], vocab: number): Promise<Description> =>
  (await trainBpe({ vocab })(texts)()).tokenizer as Description
const made = async (texts: readonly string[], vocab: number): Promise<Tokenizer> =>
  right(huggingFaceTokenizer(await trainBpe({ vocab })(texts)()))

const BYTES = 257 // with the token that ends a text

/** Merges by counting everything anew for each: slow, and beyond doubt. */
const plainMerges = (texts: readonly string[], count: number): readonly string[] => {
  const pattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu
  let words = texts.flatMap((text) => text.match(pattern) ?? []).map((word) => [...word.replaceAll(' ', 'Ġ')])
  const ids = new Map<string, number>()
  const idOf = (piece: string): number => ids.get(piece) ?? piece.codePointAt(0)! - 2 ** 20
  const merges: string[] = []
  while (merges.length < count) {
    const counts = new Map<string, number>()
    for (const word of words)
      for (let i = 1; i < word.length; i++) {
        const pair = `${word[i - 1]!} ${word[i]!}`
        counts.set(pair, (counts.get(pair) ?? 0) + 1)
      }
    const [best] = [...counts].sort(([a, n], [b, m]) => {
      const [[a0, a1], [b0, b1]] = [a.split(' '), b.split(' ')]
      return m - n || idOf(a0!) - idOf(b0!) || idOf(a1!) - idOf(b1!)
    })
    if (best === undefined || best[1] < 2) break
    const [left, right] = best[0].split(' ')
    ids.set(left! + right!, merges.push(best[0]))
    words = words.map((word) => {
      const after: string[] = []
      for (let i = 0; i < word.length; i++) {
        const here = word[i] === left && word[i + 1] === right
        after.push(here ? left! + right! : word[i]!)
        if (here) i++
      }
      return after
    })
  }
  return merges
}

describe('trainBpe', () => {
  test('merges what is met most often, and of equals the pair of smaller ids', async () => {
    // Sennrich's words: low 5 times, lower 2, newest 6, widest 3
    const words = [...Array<string>(5).fill('low'), 'lower', 'lower', ...Array<string>(6).fill('newest')]
    const texts = [...words, ...Array<string>(3).fill('widest')]
    const { model } = await trained(texts, BYTES + 9)
    expect(model.merges).toEqual(['e s', 'es t', 'l o', 'lo w', 'e w', 'n ew', 'new est', 'd est', 'i dest'])
    expect([model.vocab['<|endoftext|>'], model.vocab['!'], model.vocab['es']]).toEqual([0, 1, BYTES])
  })

  test('learns what counting everything anew after each merge gives', async () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '1', '.'), maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(fc.array(letters, { maxLength: 4 }), async (texts) => {
        const { model } = await trained(texts, BYTES + 12)
        expect(model.merges).toEqual(plainMerges(texts, 12))
      }),
      { seed: 11, numRuns: 150 },
    )
  })

  test('any text is written and read back, whatever was learnt', async () => {
    const any = fc.string({ unit: 'binary', maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 3 }), any, async (texts, text) => {
        const { encode, decode, size } = await made(texts, BYTES + 8)
        const ids = encode(text)
        expect(decode(ids)).toBe(text)
        expect(ids.every((id) => id > 0 && id < size)).toBe(true)
      }),
      { seed: 12, numRuns: 60 },
    )
  })

  test('what it writes is read by the library and by loadTokenizer, with the same ids; the same texts, the same bytes', async () => {
    const texts = [
      'She sells sea shells; the shells she sells are sea shells, I’m sure. 𝄞 𝄞',
      "  they're\n\n\there 1234 ",
    ]
    const files = await trainBpe({ vocab: 320, specials: ['<end>', '<more>'], template: '{{ messages }}' })(texts)()
    const path = mkdtempSync(join(tmpdir(), 'adjoint-bpe-'))
    right(await saveTokenizer({ path })(files)())
    const text = readFileSync(join(path, 'tokenizer.json'), 'utf8')
    const [own, read] = [right(huggingFaceTokenizer(files)), right(await loadTokenizer({ path })())]
    const library = new makeLibrary(JSON.parse(text) as object, files.config as object)
    for (const said of [...texts, 'nothing of the like: Ünïcödé\r\n']) {
      expect(read.encode(said)).toEqual(own.encode(said))
      expect(library.encode(said).ids).toEqual(own.encode(said))
    }
    expect([read.eos, read.specials.get('<more>'), read.template?.source]).toEqual([[0], 1, '{{ messages }}'])
    await saveTokenizer({ path })(
      await trainBpe({ vocab: 320, specials: ['<end>', '<more>'], template: '{{ messages }}' })(texts)(),
    )()
    expect(readFileSync(join(path, 'tokenizer.json'), 'utf8')).toBe(text)
    rmSync(path, { recursive: true })
  })

  test('stops where no pair is met twice, and refuses what has no room for the bytes', async () => {
    expect((await trained(['ab'], 1000)).model.merges).toEqual([])
    expect(() => trainBpe({ vocab: 256 })).toThrow(/256 tokens are asked for.*257/)
    expect(() => trainBpe({ vocab: 300, specials: ['a', 'a'] })).toThrow(/each once/)
    // below a file there is no folder
    const outcome = await saveTokenizer({ path: join(import.meta.filename, 'folder') })({ tokenizer: {} })()
    expect(E.isLeft(outcome) && outcome.left._tag).toBe('FileSystem')
  })

  const shakespeare = '../shared/fixtures/data/shakespeare/input.txt'
  const present = existsSync(shakespeare)
  if (!present) console.log(`skipped: ${shakespeare} is absent`)
  test.skipIf(!present)('shortens Shakespeare', async () => {
    const text = readFileSync(shakespeare, 'utf8').slice(0, 200_000)
    const { encode, token } = await made([text], 1024)
    const ids = encode(text)
    expect(text.length / ids.length).toBeGreaterThan(2.5)
    expect(ids.map(token)).toContain(' the')
  })
})

test('a heap gives its items in order', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: null })), (all) => {
      const heap = maxHeap<number>((a, b) => a > b)
      const sorted: number[] = []
      for (const x of all) {
        if (x === null) expect(heap.pop()).toBe(sorted.pop())
        else {
          heap.push(x)
          sorted.push(x)
          sorted.sort((a, b) => a - b)
        }
      }
      for (const x of sorted.toReversed()) expect(heap.pop()).toBe(x)
      expect(heap.pop()).toBeUndefined()
    }),
    { seed: 13 },
  )
})
