/** Tokenizers from files. */
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { flatMapEither, right as rightTask, type TaskEither } from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import type * as disk from '../io/disk.ts'
import { type Files, nodeFiles } from '../io/files.ts'
import { kindAt, type PathKind } from '../io/kind.ts'
import { withWeights } from '../io/with-weights.ts'
import { ggufTokenizerFiles } from './gguf.ts'
import { huggingFaceTokenizer, type TokenizerFiles } from './hugging-face.ts'
import { llama2cTokenizerFiles } from './llama2c.ts'
import type { Tokenizer, TokenizerError } from './tokenizer.ts'

/** Where a tokenizer is. */
export interface LoadTokenizerConfig {
  /**
   * A folder of the Hugging Face hub (or its `tokenizer.json`, or the safetensors beside it), a GGUF file, whatever its name, or the
   * `tokenizer.bin` of llama2.c.
   */
  readonly path: string
  /** Default: Node's. */
  readonly files?: Files
}

const failureOf = (path: string, error: unknown): TokenizerError => {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (typeof code !== 'string') throw error
  const message = `loadTokenizer: ${error instanceof Error ? error.message : code}`
  return code === 'ENOENT' || code === 'ENOTDIR'
    ? { _tag: 'MissingFile', path, message: `${message}. Give the folder of a model, or its tokenizer.json.` }
    : { _tag: 'FileSystem', path, message }
}

const ofGguf = async (path: string, files: Files): Promise<Either<TokenizerError, TokenizerFiles>> => {
  const outcome = await withWeights({ path, files })(({ metadata }) => rightTask(metadata))()
  if (!isLeft(outcome)) return ggufTokenizerFiles(outcome.right, path)
  const { left: error } = outcome
  const _tag = error._tag === 'MissingFile' || error._tag === 'FileSystem' ? error._tag : 'Malformed'
  return left({ _tag, path, message: error.message })
}

const parsed = (path: string, bytes: Uint8Array): Either<TokenizerError, unknown> => {
  try {
    return right(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
    return left({ _tag: 'Malformed', path, message: `${path}: it is no JSON: ${error.message}` })
  }
}

/** Weights in a folder, named in place of it: the tokenizer lies beside them. */
const WEIGHTS = /\.safetensors(\.index\.json)?$/

/** The `tokenizer.json` that a path stands for: within a folder (or what is not there), beside weights (by their name, or by their first bytes), itself; null for another file. */
const mainFile = (
  { dirname, join }: Pick<typeof disk, 'dirname' | 'join'>,
  path: string,
  kind: PathKind,
): string | null => {
  if (kind === 'safetensors' || (kind !== 'folder' && WEIGHTS.test(path))) return join(dirname(path), MAIN)
  if (kind !== 'folder' && path.endsWith('.json')) return path
  return kind === 'file' ? null : join(path, MAIN)
}
const MAIN = 'tokenizer.json'

const read = (path: string, files: Files): TaskEither<TokenizerError, TokenizerFiles> => {
  const bytesOf = async (file: string): Promise<Either<TokenizerError, Uint8Array>> => {
    try {
      return right(await files.read(file))
    } catch (error) {
      return left(failureOf(file, error))
    }
  }
  // What is not there says nothing; what is there and cannot be read is an error.
  const optional = async <A>(
    file: string,
    parse: (path: string, bytes: Uint8Array) => Either<TokenizerError, A>,
  ): Promise<Either<TokenizerError, A | undefined>> => {
    const bytes = await bytesOf(file)
    if (isLeft(bytes)) return bytes.left._tag === 'MissingFile' ? right(undefined) : bytes
    return parse(file, bytes.right)
  }

  return async () => {
    const kind = await kindAt(path, files).catch((error: unknown) => left(failureOf(path, error)))
    if (typeof kind !== 'string') return kind
    if (kind === 'gguf' || (kind === 'absent' && path.endsWith('.gguf'))) return ofGguf(path, files)
    if ((kind === 'file' || kind === 'absent') && path.endsWith('.bin')) {
      const bytes = await bytesOf(path)
      return isLeft(bytes) ? bytes : llama2cTokenizerFiles(bytes.right, path)
    }
    const paths = await import('#disk')
    const main = mainFile(paths, path, kind)
    if (main === null)
      return left({
        _tag: 'Malformed',
        path,
        message: `${path}: this is no tokenizer: no GGUF, by its first bytes, and no JSON and no tokenizer.bin of llama2.c, by its name. Give the folder of a model, or its tokenizer.json.`,
      })
    const beside = (name: string): string => paths.join(paths.dirname(main), name)
    const bytes = await bytesOf(main)
    if (isLeft(bytes)) return bytes
    const tokenizer = parsed(main, bytes.right)
    if (isLeft(tokenizer)) return tokenizer
    const config = await optional(beside('tokenizer_config.json'), parsed)
    if (isLeft(config)) return config
    const specialTokens = await optional(beside('special_tokens_map.json'), parsed)
    if (isLeft(specialTokens)) return specialTokens
    const generation = await optional(beside('generation_config.json'), parsed)
    if (isLeft(generation)) return generation
    const template = await optional(beside('chat_template.jinja'), (_, text) => right(new TextDecoder().decode(text)))
    if (isLeft(template)) return template
    return right({
      tokenizer: tokenizer.right,
      config: config.right,
      specialTokens: specialTokens.right,
      generation: generation.right,
      ...(template.right !== undefined && { template: template.right }),
      path: main,
    })
  }
}

/**
 * Reads the files of a tokenizer as {@link loadTokenizer} does, and leaves them as they are: for what changes them (`trimVocabulary`),
 * or writes them elsewhere (`saveTokenizer`). Left: a file is missing or malformed.
 *
 * @example
 * ```ts
 * import { loadTokenizerFiles } from '@adjoint/nn'
 * import { isLeft } from 'fp-ts/lib/Either.js'
 * const outcome = await loadTokenizerFiles({ path: 'no/such/folder' })()
 * if (isLeft(outcome)) console.log(outcome.left._tag) // MissingFile
 * ```
 */
export const loadTokenizerFiles = (options: LoadTokenizerConfig): TaskEither<TokenizerError, TokenizerFiles> => {
  const { path, files = nodeFiles } = optionsOf('loadTokenizerFiles', options, { path: true, files: true })
  return read(path, files)
}

/**
 * Reads a tokenizer: `tokenizer.json` and, of what lies beside it, `tokenizer_config.json`, `special_tokens_map.json`,
 * `generation_config.json` and `chat_template.jinja`; or the header of a GGUF file. Left: a file is missing or malformed, or it describes what `huggingFaceTokenizer`
 * refuses.
 *
 * @example
 * ```ts
 * import { loadTokenizer } from '@adjoint/nn'
 * import { isLeft } from 'fp-ts/lib/Either.js'
 * const outcome = await loadTokenizer({ path: 'no/such/folder' })()
 * if (isLeft(outcome)) console.log(outcome.left._tag) // MissingFile
 * ```
 */
export const loadTokenizer = (options: LoadTokenizerConfig): TaskEither<TokenizerError, Tokenizer> => {
  const { path, files = nodeFiles } = optionsOf('loadTokenizer', options, { path: true, files: true })
  return pipe(read(path, files), flatMapEither(huggingFaceTokenizer))
}

/** What a promise of a tokenizer rejects with: a failure of the world. */
export class TokenizerFailure extends Error {
  override readonly name = 'TokenizerFailure'
  readonly error: TokenizerError
  constructor(error: TokenizerError) {
    super(error.message)
    this.error = error
  }
}

/**
 * {@link loadTokenizer} for scripts: awaits, and throws TokenizerFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { loadTokenizerAsync, TokenizerFailure } from '@adjoint/nn'
 * const loaded = loadTokenizerAsync({ path: 'no/such/folder' })
 * await loaded.catch((error) => console.log(error instanceof TokenizerFailure && error.error._tag)) // MissingFile
 * ```
 */
export const loadTokenizerAsync = async (options: LoadTokenizerConfig): Promise<Tokenizer> => {
  const outcome = await loadTokenizer(options)()
  if (isLeft(outcome)) throw new TokenizerFailure(outcome.left)
  return outcome.right
}

/**
 * {@link loadTokenizerFiles} for scripts: awaits, and throws TokenizerFailure.
 *
 * @example
 * ```ts
 * import { loadTokenizerFilesAsync, TokenizerFailure } from '@adjoint/nn'
 * const loaded = loadTokenizerFilesAsync({ path: 'no/such/folder' })
 * await loaded.catch((error) => console.log(error instanceof TokenizerFailure && error.error._tag)) // MissingFile
 * ```
 */
export const loadTokenizerFilesAsync = async (options: LoadTokenizerConfig): Promise<TokenizerFiles> => {
  const outcome = await loadTokenizerFiles(options)()
  if (isLeft(outcome)) throw new TokenizerFailure(outcome.left)
  return outcome.right
}
