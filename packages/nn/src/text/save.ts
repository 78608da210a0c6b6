/** A tokenizer's files as a folder holds them. */
import { optionsOf } from '@adjoint/tensor/ir'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, CheckpointFailure, codeOf, orThrow, rethrow, task } from '../io/failure.ts'
import { type Files, nodeFiles } from '../io/files.ts'
import type { TokenizerFiles } from './hugging-face.ts'
import { type Fields, isRecord } from './json.ts'
import { namesTokens } from './renumber.ts'

/** Where a tokenizer goes. */
export interface SaveTokenizerConfig {
  /** The folder of its model. */
  readonly path: string
  /** Default: Node's. */
  readonly files?: Files
}

const NAMES = {
  tokenizer: 'tokenizer.json',
  config: 'tokenizer_config.json',
  specialTokens: 'special_tokens_map.json',
} as const
const TEMPLATE = 'chat_template.jinja'
/** The model's: its temperature, say, beside the ids of tokens. */
const GENERATION = 'generation_config.json'

/** What a file says beside ids of tokens; nothing where there is none. Throws CheckpointFailure. */
const settingsIn = async (path: string, files: Files): Promise<Fields> => {
  const bytes = await files.read(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null
    return rethrow(path, 'load')(error)
  })
  if (bytes === null) return {}
  try {
    const fields: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (isRecord(fields)) return Object.fromEntries(Object.entries(fields).filter(([name]) => !namesTokens(name)))
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
  }
  const message = `${path}: it is no JSON object, so that its settings cannot be kept. Mend it, or remove it.`
  throw new CheckpointFailure({ _tag: 'Format', path, message })
}

/**
 * Writes a tokenizer's files into a folder, made where it is missing, from which `loadTokenizer` and Transformers read them. Those of a
 * tokenizer that was there before are replaced, and what this one has none of goes, all or none. `generation_config.json` is the
 * model's: what it says of no token stays, and what `generation` says is written over it. Left: the file system failed, or that file is
 * no JSON object (`Format`).
 *
 * @example
 * ```ts
 * import { loadTokenizer, saveTokenizer, trainBpe } from '@adjoint/nn'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * await saveTokenizer({ path })(await trainBpe({ vocab: 300 })(['to be, or not to be'])())()
 * const outcome = await loadTokenizer({ path })()
 * if (isRight(outcome)) console.log(outcome.right.specials) // Map { '<|endoftext|>' => 0 }
 * ```
 */
export const saveTokenizer = (options: SaveTokenizerConfig) => {
  const { path, files = nodeFiles } = optionsOf<SaveTokenizerConfig>('saveTokenizer', options, {
    path: true,
    files: true,
  })
  return (given: TokenizerFiles): TaskEither<CheckpointError, void> => {
    const folder = path.replace(/\/$/, '')
    const text = new TextEncoder()
    const file = (name: string, content: string) => ({ path: `${folder}/${name}`, pieces: [text.encode(content)] })
    const json = (name: string, fields: unknown) => file(name, `${JSON.stringify(fields)}\n`)
    const own = (Object.keys(NAMES) as readonly (keyof typeof NAMES)[]).flatMap((field) =>
      given[field] === undefined ? [] : [json(NAMES[field], given[field])],
    )
    const template = given.template === undefined ? [] : [file(TEMPLATE, given.template)]
    return task(async () => {
      await files.makeFolder(folder).catch(rethrow(folder, 'save'))
      const kept = await settingsIn(`${folder}/${GENERATION}`, files)
      const generation = isRecord(given.generation) ? { ...kept, ...given.generation } : (given.generation ?? kept)
      const says = given.generation !== undefined || Object.keys(kept).length > 0
      const written = [...own, ...(says ? [json(GENERATION, generation)] : []), ...template]
      // Of another tokenizer, and read with this one they would say its ends, its names, its turns.
      const obsolete = [...Object.values(NAMES), GENERATION, TEMPLATE]
        .map((name) => `${folder}/${name}`)
        .filter((at) => written.every(({ path: place }) => place !== at))
      await files.replace(written, obsolete).catch(rethrow(folder, 'save'))
    })
  }
}

/**
 * {@link saveTokenizer} for scripts: awaits, and throws CheckpointFailure.
 *
 * @example
 * ```ts
 * import { CheckpointFailure, saveTokenizerAsync, trainBpe } from '@adjoint/nn'
 * const files = await trainBpe({ vocab: 300 })(['to be, or not to be'])()
 * const saved = saveTokenizerAsync({ path: '/dev/null/model' })(files)
 * await saved.catch((error) => console.log(error instanceof CheckpointFailure)) // true
 * ```
 */
export const saveTokenizerAsync = (options: SaveTokenizerConfig): ((given: TokenizerFiles) => Promise<void>) => {
  const save = saveTokenizer(options)
  return (given) => orThrow(save(given))
}
