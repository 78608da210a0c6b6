/** A tokenizer's files as a folder holds them. */
import { optionsOf } from '@adjoint/tensor/ir'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, orThrow, rethrow, task } from '../io/failure.ts'
import { type Files, nodeFiles } from '../io/files.ts'
import type { TokenizerFiles } from './hugging-face.ts'

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
  generation: 'generation_config.json',
  specialTokens: 'special_tokens_map.json',
} as const
const TEMPLATE = 'chat_template.jinja'

/**
 * Writes a tokenizer's files into a folder, made where it is missing, from which `loadTokenizer` and Transformers read them. Those of a
 * tokenizer that was there before are replaced, and what this one has none of goes, all or none. Left: the file system failed.
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
    const json = (Object.keys(NAMES) as readonly (keyof typeof NAMES)[]).flatMap((field) =>
      given[field] === undefined
        ? []
        : [{ path: `${folder}/${NAMES[field]}`, pieces: [text.encode(`${JSON.stringify(given[field])}\n`)] }],
    )
    const template =
      given.template === undefined ? [] : [{ path: `${folder}/${TEMPLATE}`, pieces: [text.encode(given.template)] }]
    return task(async () => {
      await files.makeFolder(folder).catch(rethrow(folder, 'save'))
      const written = [...json, ...template]
      // Of another tokenizer, and read with this one they would say its ends, its names, its turns.
      const obsolete = [...Object.values(NAMES), TEMPLATE]
        .map((name) => `${folder}/${name}`)
        .filter((at) => written.every((file) => file.path !== at))
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
