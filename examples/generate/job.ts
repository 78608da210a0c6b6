/** Loads a model and its tokenizer, encodes what is asked, and generates. What cannot be is said before anything is computed. */
import {
  describeModel,
  type Generation,
  generatorAsync,
  gpt2Modules,
  leftPad,
  llamaModules,
  loadAdapter,
  loadModel,
  type LoadedAdapter,
  type LoadedModel,
  type ModelDescription,
  loadTokenizer,
  lora,
  projections,
  SamplingError,
  type TextStream,
  type Tokenizer,
  type TokenizerError,
  untilStop,
} from '@adjoint/nn'
import { type Device, DeviceFailure, random, readAsync, realize } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { performance } from 'node:perf_hooks'
import { modelPath } from '../cli/models.ts'
import type { Asked, Flags } from './flags.ts'

/** What was generated. */
export interface Outcome {
  /** The tokens that were asked from. */
  readonly prompt: readonly number[]
  /** The completion, its end included. */
  readonly tokens: readonly number[]
  /** What it says, up to a text to stop at; null where there is no tokenizer. */
  readonly text: string | null
  /** Why there is no text; null where there is one. */
  readonly noText: string | null
  /** With the reading of the prompt, and without compilation: all programs have run before. */
  readonly tokensPerSecond: number
  /** Whether it ended by itself, rather than at the most tokens allowed. */
  readonly ended: boolean
  readonly device: string
}

/** Where a text goes as it comes. */
export type Say = (text: string) => void

// From any call on, each is as long as this: often enough to read along, and seldom enough not to wait.
const CHECK_EVERY = 8

/** Ends the first run, which is there to compile. */
const COMPILED = new Error('compiled')

const message = ({ message: said }: { readonly message: string }): string => said

/** A tokenizer, or why there is none: tokens are gone on from without one. */
type Words = E.Either<string, Tokenizer>

/** What is no tokenizer that could be read, and no fault of one. */
const NONE: readonly TokenizerError['_tag'][] = ['MissingFile', 'NoTokenizer', 'UnsupportedTokenizer']

/** The tokenizer; where tokens are given and none is asked for, there need be none. Left: it is needed, or spoilt. */
const wordsOf = ({ model, tokenizer }: Flags, asked: Asked): TE.TaskEither<string, Words> =>
  pipe(
    loadTokenizer({ path: tokenizer ?? model }),
    TE.map((made): Words => E.right(made)),
    TE.orElse((error) =>
      !NONE.includes(error._tag) || tokenizer !== null
        ? TE.left(error.message)
        : asked.kind === 'tokens'
          ? TE.right<string, Words>(E.left(error.message))
          : TE.left(`${error.message} A --${asked.kind} needs one: give --tokenizer DIR|FILE, or ask by --tokens.`),
    ),
  )

const encoded = (asked: Asked, stop: string | null, words: Words): E.Either<string, readonly number[]> => {
  if (stop !== null && E.isLeft(words))
    return E.left(`${words.left} There is no other tokenizer to look for --stop with: give --tokenizer DIR|FILE.`)
  if (asked.kind === 'tokens') return E.right(asked.tokens)
  // asked in words, which is looked at where the tokenizer is read
  if (E.isLeft(words)) return words
  const tokenizer = words.right
  if (asked.kind === 'chat') return E.mapLeft(message)(tokenizer.chat([{ role: 'user', content: asked.text }]))
  const ids = tokenizer.encode(asked.text, { addSpecial: true })
  return ids.length > 0
    ? E.right(ids)
    : E.left('the prompt has no tokens, and the tokenizer none that begins a text: say something')
}

/** The tokens that end a completion: the tokenizer's, or where it names none those of the model's configuration. */
const endsOf = ({ config }: Pick<LoadedModel, 'config'>, words: Words): readonly number[] => {
  if (E.isRight(words) && words.right.eos.length > 0) return words.right.eos
  const named = config['eos_token_id'] ?? config['tokenizer.ggml.eos_token_id']
  return (Array.isArray(named) ? named : [named]).filter((id): id is number => typeof id === 'number')
}

const fits = (
  described: ModelDescription,
  words: Words,
  prompt: readonly number[],
  { maxTokens }: Flags,
): E.Either<string, null> => {
  const { vocab, context } = described.model.config
  const odd = [...prompt, ...endsOf(described, words)].find((id) => !(id >= 0 && id < vocab))
  if (odd !== undefined)
    return E.left(`token ${odd} is none of this model's ${vocab}: is the tokenizer another model's?`)
  if (prompt.length + maxTokens - 1 > context)
    return E.left(
      `the prompt has ${prompt.length} tokens, and with --max-tokens ${maxTokens} it does not fit the context of ${context}: ` +
        'shorten it, or lower --max-tokens',
    )
  return E.right(null)
}

const generated = async (
  loaded: LoadedModel,
  words: Words,
  prompt: readonly number[],
  { flags, device, say }: { readonly flags: Flags; readonly device: Device; readonly say: Say },
): Promise<Outcome> => {
  const { maxTokens, temperature, topP, repetitionPenalty, stop, cache, seed } = flags
  const tokenizer = E.toUnion(E.mapLeft(() => null)(words))
  // A text that follows another keeps its first space.
  const continues = prompt.some((id) => tokenizer !== null && ![...tokenizer.specials.values()].includes(id))
  let stream: TextStream | null = tokenizer?.stream({ continues, skipUnknown: true }) ?? null
  let looks = 0
  let warming = true
  const generate = generatorAsync(loaded.model, {
    ...{ maxTokens, temperature, topP, repetitionPenalty, device, checkEvery: CHECK_EVERY },
    eos: endsOf(loaded, words),
    ...(cache !== null && { cache }),
    ...(stop !== null && tokenizer !== null && { stop: { strings: [stop], tokenizer } }),
    onTokens: ([row = []]) => {
      // Both programs have been compiled when the second one has run.
      if (warming && ++looks === 2) throw COMPILED
      if (warming) return
      if (stream === null) return
      const [text, next] = stream.push(row)
      stream = next
      say(text)
    },
  })
  const given = { tokens: leftPad({ pad: 0 })([prompt]).tokens }
  const run = (): Promise<Generation> => generate(loaded.params, given, random.key(seed))
  await run().catch((error: unknown) => {
    if (error !== COMPILED) throw error
  })
  warming = false
  const begun = performance.now()
  const made = await run()
  say(stream?.end() ?? '')
  const all = await readAsync(made.tokens)
  const length = (await readAsync(made.lengths))[0]!
  const seconds = (performance.now() - begun) / 1000
  const tokens = [...all.subarray(prompt.length, prompt.length + length)]
  return {
    prompt,
    tokens,
    text:
      tokenizer === null
        ? null
        : untilStop(stop === null ? [] : [stop])(tokenizer.decode(tokens, { continues, skipUnknown: true })),
    noText: E.isLeft(words) ? words.left : null,
    tokensPerSecond: Number((length / seconds).toPrecision(4)),
    ended: (await readAsync(made.ended))[0] === 1,
    device: device.kind,
  }
}

/** The adapter, if one is asked for: of another model it is refused before this one is loaded, of which it takes the shapes alone. */
const adapterOf = (
  { adapter: path }: Flags,
  { model, architecture }: ModelDescription,
): TE.TaskEither<string, LoadedAdapter | null> =>
  path === null
    ? TE.right(null)
    : pipe(
        loadAdapter({
          path,
          split: projections(model.config),
          modules: architecture === 'gpt2' ? gpt2Modules : llamaModules,
        })(model.init(random.key(0))),
        TE.mapLeft(message),
      )

/** The model with the adapter's matrices added to its own. */
const merged =
  (found: LoadedAdapter | null, device: Device) =>
  (loaded: LoadedModel): TE.TaskEither<string, LoadedModel> =>
    found === null
      ? TE.right(loaded)
      : pipe(
          realize(device)(lora(found.config).merge(loaded.params, found.adapter)),
          TE.bimap(message, (params) => ({ ...loaded, params })),
        )

/** What the example does. */
export const job = (given: Flags, device: Device, say: Say): TE.TaskEither<string, Outcome> => {
  const found = modelPath(given.model)
  if (E.isLeft(found)) return TE.fromEither(found)
  const flags = { ...given, model: found.right }
  // One of them is given: the flags have looked.
  const asked = (flags.tokens ?? flags.prompt ?? flags.chat)!
  return pipe(
    TE.Do,
    // the description is short, and says first whether the rest is worth reading
    TE.bind('described', () => TE.mapLeft(message)(describeModel({ path: flags.model }))),
    TE.bind('words', () => wordsOf(flags, asked)),
    TE.bind('prompt', ({ words }) => TE.fromEither(encoded(asked, flags.stop, words))),
    TE.tap(({ described, words, prompt }) => TE.fromEither(fits(described, words, prompt, flags))),
    TE.bind('adapter', ({ described }) => adapterOf(flags, described)),
    TE.bind('loaded', () => TE.mapLeft(message)(loadModel({ path: flags.model, device }))),
    TE.bind('adapted', ({ loaded, adapter }) => merged(adapter, device)(loaded)),
    TE.flatMap(({ words, prompt, adapted }) =>
      TE.tryCatch(
        () => generated(adapted, words, prompt, { flags, device, say }),
        (error) => {
          if (error instanceof SamplingError || error instanceof DeviceFailure) return error.message
          throw error
        },
      ),
    ),
  )
}
