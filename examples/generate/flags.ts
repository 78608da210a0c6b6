/** What the example reads from the command line. */
import type { CacheDType } from '@adjoint/nn'
import * as E from 'fp-ts/lib/Either.js'
import { choice, common, count, type Flag, type FlagsOf, valued, type Wanted } from '../cli/flags.ts'

/** What is asked, in one of three ways. */
export type Asked =
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] }
  | { readonly kind: 'prompt' | 'chat'; readonly text: string }

/** What is generated, from what, and how. */
export interface Flags {
  readonly model: string
  readonly tokenizer: string | null
  readonly adapter: string | null
  readonly tokens: Asked | null
  readonly prompt: Asked | null
  readonly chat: Asked | null
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
  readonly repetitionPenalty: number
  readonly stop: string | null
  readonly cache: CacheDType | null
  readonly seed: number
  readonly device: Wanted
  readonly json: boolean
  readonly help: boolean
}

const words = <A>(
  value: string,
  about: string,
  read: (text: string, name: string) => E.Either<string, A>,
): Flag<A | null> => valued<A | null>(value, about, null, read)

/** What is computed with is f32, where 1e-50 is 0. */
const isAbove0 = (x: number): boolean => Math.fround(x) > 0 && Math.fround(x) < Infinity

/** A number above 0, and no larger than `most`. */
const above0 = (about: string, fallback: number, most = Infinity): Flag<number> =>
  valued('X', `${about} (default ${fallback})`, fallback, (text, name) => {
    const x = text.trim() === '' ? NaN : Number(text)
    const range = `a number above 0 in f32${most === Infinity ? '' : `, at most ${most},`}`
    return isAbove0(x) && x <= most ? E.right(x) : E.left(`--${name} ${text}: ${range} is needed`)
  })

const WAYS = ['tokens', 'prompt', 'chat'] as const
const oneWay = <A>(flag: Flag<A>): Flag<A> => ({
  ...flag,
  decode: (name, given) => {
    const ways = WAYS.filter((way) => given[way] !== undefined)
    return ways.length === 1
      ? flag.decode(name, given)
      : E.left(
          `${ways.length === 0 ? 'nothing is asked' : `${ways.map((way) => `--${way}`).join(' and ')} are given`}: ask by one of --tokens, --prompt and --chat`,
        )
  },
})

/** The flags of `generate`. */
export const flags: FlagsOf<Flags> = {
  model: {
    value: 'DIR|FILE',
    about: 'a folder of the Hugging Face hub, a GGUF file, or a part of the name of one in ADJOINT_MODELS',
    decode: (name, given) => {
      const path = given[name]
      return typeof path === 'string' && path !== '' ? E.right(path) : E.left('--model DIR|FILE is needed')
    },
  },
  tokenizer: words('DIR|FILE', 'where the tokenizer is (default: where the model is)', E.right),
  adapter: words('DIR', 'an adapter of this model, as grpo or PEFT saves it', E.right),
  tokens: oneWay(
    words('N,N,..', 'go on from these tokens', (text, name) =>
      /^\d{1,9}(,\d{1,9})*$/.test(text)
        ? E.right({ kind: 'tokens', tokens: text.split(',').map(Number) })
        : E.left(`--${name} ${text}: whole numbers joined by commas are needed, as in 1,2,2`),
    ),
  ),
  prompt: oneWay(words('TEXT', 'go on from this text', (text) => E.right({ kind: 'prompt', text }))),
  chat: oneWay(
    words('TEXT', "answer this, in the model's own chat template", (text) => E.right({ kind: 'chat', text })),
  ),
  maxTokens: count('most tokens of the completion', 128, { min: 1 }),
  temperature: valued('X', '0 takes the likeliest token (default 0)', 0, (text, name) => {
    const x = text.trim() === '' ? NaN : Number(text)
    return x === 0 || isAbove0(x) ? E.right(x) : E.left(`--${name} ${text}: 0, or a number above 0 in f32, is needed`)
  }),
  topP: above0('keep the likeliest tokens of this probability', 1, 1),
  repetitionPenalty: above0('against tokens that were said already; 1 is none', 1),
  stop: words('TEXT', 'end where this text is said', (text, name) =>
    text === '' ? E.left(`--${name} needs a text`) : E.right(text),
  ),
  cache: choice('how keys and values are kept: f32, f16, bf16 or i8 (default f32)', ['f32', 'f16', 'bf16', 'i8']),
  seed: common.seed,
  device: common.device,
  json: common.json,
  help: common.help,
}
