/** A text file as a tokenizer and two token files: what is learnt, and what is held out. No file is ever held as a whole. */
import {
  type CheckpointError,
  huggingFaceTokenizer,
  loadTokenizer,
  makeFolder,
  saveTokenizer,
  type Tokenizer,
  type TokenizerError,
  type TokenWidth,
  trainBpe,
  writeTokens,
} from '@adjoint/nn'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { constants, createReadStream } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Where the text is, and what becomes of it. */
export interface CorpusConfig {
  readonly text: string
  /** Holds the tokenizer, beside the model that will stand there. */
  readonly model: string
  /** Holds the token files. */
  readonly folder: string
  readonly vocab: number
  /** Takes what is there, of a run that goes on. */
  readonly resume: boolean
}

/** A text as tokens. */
export interface Corpus {
  readonly tokenizer: Tokenizer
  readonly train: string
  readonly heldOut: string
  readonly dtype: TokenWidth
}

/** This share at the end of the text is held out. */
const HELD_OUT = 0.05

const message = ({ message: said }: CheckpointError | TokenizerError): string => said
const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Bytes of a piece of text, about. */
const PIECE = 2 ** 12

/** Pieces of a text file that end where a line or a word does, each with the share of the file that stands before it. */
async function* pieces(path: string): AsyncGenerator<{ readonly text: string; readonly before: number }> {
  const { size } = await stat(path)
  let [rest, seen] = ['', 0]
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: PIECE })) {
    rest += String(chunk)
    const end = Math.max(rest.lastIndexOf('\n') + 1, rest.lastIndexOf(' '))
    if (end <= 0) continue
    const text = rest.slice(0, end)
    yield { text, before: seen / size }
    seen += Buffer.byteLength(text)
    rest = rest.slice(end)
  }
  if (rest !== '') yield { text: rest, before: seen / size }
}

async function* texts(path: string, part: (before: number) => boolean): AsyncGenerator<string> {
  for await (const { text, before } of pieces(path)) if (part(before)) yield text
}
const learnt = (before: number): boolean => before < 1 - HELD_OUT

async function* tokens(of: AsyncIterable<string>, { encode, eos }: Tokenizer): AsyncGenerator<readonly number[]> {
  for await (const text of of) yield encode(text)
  yield eos.slice(0, 1)
}

const learnTokenizer = ({ text, model, vocab }: CorpusConfig): TE.TaskEither<string, Tokenizer> =>
  pipe(
    TE.tryCatch(() => trainBpe({ vocab })(texts(text, learnt))(), sentence),
    TE.tap((files) => TE.mapLeft(message)(saveTokenizer({ path: model })(files))),
    TE.flatMap((files) => TE.mapLeft(message)(TE.fromEither(huggingFaceTokenizer(files)))),
  )

/** Whether there is such a file. */
export const isThere =
  (path: string): TE.TaskEither<never, boolean> =>
  async () => {
    try {
      return { _tag: 'Right', right: (await stat(path)).isFile() }
    } catch {
      // whatever keeps it from being read is met again by whoever writes it
      return { _tag: 'Right', right: false }
    }
  }

/** Left: there is no such text, before a folder is made for what becomes of it. */
const demandText = (path: string): TE.TaskEither<string, void> =>
  pipe(
    TE.tryCatch(() => access(path, constants.R_OK), sentence),
    TE.flatMap(() => TE.tryCatch(() => stat(path), sentence)),
    TE.flatMap((found) =>
      found.isFile() ? TE.right(undefined) : TE.left(`${path} is no file: give --text a text file`),
    ),
  )

/** Learns the tokenizer and writes the token files, or takes those of the run that goes on. Left: why not, in a sentence. */
export const corpusOf = (config: CorpusConfig): TE.TaskEither<string, Corpus> => {
  const { text, model, folder, vocab, resume } = config
  const dtype = vocab <= 2 ** 16 ? 'u16' : 'u32'
  const [train, heldOut] = [join(folder, 'train.bin'), join(folder, 'held-out.bin')]
  const write = (path: string, part: (before: number) => boolean, tokenizer: Tokenizer) =>
    TE.mapLeft(message)(writeTokens({ path, dtype })(tokens(texts(text, part), tokenizer)))
  const anew = pipe(
    demandText(text),
    TE.flatMap(() => TE.tryCatch(() => makeFolder(folder), sentence)),
    TE.flatMap(() => learnTokenizer(config)),
    TE.tap((tokenizer) => write(train, learnt, tokenizer)),
    TE.tap((tokenizer) => write(heldOut, (before) => !learnt(before), tokenizer)),
  )
  // Each file is replaced as a whole, and this one is the last.
  return pipe(
    isThere(heldOut),
    TE.flatMap((there) => (resume && there ? TE.mapLeft(message)(loadTokenizer({ path: model })) : anew)),
    TE.map((tokenizer) => ({ tokenizer, train, heldOut, dtype })),
  )
}
