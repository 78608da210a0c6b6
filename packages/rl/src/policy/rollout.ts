/**
 * Rollouts: G completions to each of some prompts, sampled on the device, and read once: some tens of kilobytes a batch,
 * which the host decodes, rewards and selects from.
 */
import { generatorAsync, type Transformer, type TransformerParams } from '@adjoint/nn'
import { type Device, readAsync, type Tensor, type Shape, type DType } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { encodePrompts } from './batch.ts'
import { deviceKey, onDevice } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import type { Rollout } from '../experience/experience.ts'
import type { Sample } from '../reward/reward.ts'
import type { HostKey } from '../run/keys.ts'
import type { Task } from '../task/task.ts'

/** How to sample. */
export interface RolloutConfig<Problem> {
  readonly task: Task<Problem>
  readonly model: Transformer
  /** Completions to a prompt, G. */
  readonly group: number
  /** Most tokens of a completion, its end included. */
  readonly maxTokens: number
  /** 0 is greedy. */
  readonly temperature: number
  /** Columns of prompts; fix it where prompts differ in length, so that one program serves all batches. */
  readonly promptWidth?: number
  readonly device: Device
}

/** @internal `xs` in consecutive groups of `size`. */
export const grouped = <A>(xs: readonly A[], size: number): readonly (readonly A[])[] =>
  Array.from({ length: Math.ceil(xs.length / size) }, (_, g) => xs.slice(g * size, (g + 1) * size))

/**
 * A sampler of rollouts; make it once, it keeps its compiled programs. Same parameters, problems and key, same rollouts.
 * Left: EmptyDataset, UnknownToken, SequenceTooLong, NoDistribution, DeviceFailed.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, hostKey, problems, roller } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (isRight(device)) {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const roll = roller({ task: mod10Chain, model, group: 4, maxTokens: 10, temperature: 1, device: device.right })
 *   const rollout = await roll(model.init(random.key(0)), problems(mod10Chain, 'train', { count: 2 })(hostKey(0)), hostKey(1))()
 * }
 * ```
 */
export const roller = <Problem>(config: RolloutConfig<Problem>) => {
  const { task, model, group, maxTokens, temperature, device } = config
  const { vocabulary } = task
  const generate = generatorAsync(model, {
    maxTokens,
    temperature,
    eos: vocabulary.eos,
    pad: vocabulary.pad,
    device,
  })
  return (
    params: TransformerParams,
    problems: readonly Problem[],
    key: HostKey,
  ): TE.TaskEither<RunError, Rollout<Problem>> => {
    const asked = problems.flatMap((problem) => {
      const row = { problem, prompt: task.prompt(problem) }
      return Array.from({ length: group }, () => row)
    })
    return pipe(
      encodePrompts(vocabulary, config.promptWidth)(asked.map(({ prompt }) => prompt)),
      E.filterOrElse(
        ({ width }) => width + maxTokens <= model.config.context,
        ({ width }): RunError => ({
          _tag: 'SequenceTooLong',
          length: width + maxTokens,
          context: model.config.context,
        }),
      ),
      TE.fromEither,
      TE.flatMap(({ prompts, width }) =>
        onDevice(async () => {
          const generation = await generate(params, prompts, deviceKey(key))
          const read = <T extends DType>(x: Tensor<Shape, T>) => readAsync(x, device)
          const [tokens, lengths, ended] = [
            await read(generation.tokens),
            await read(generation.lengths),
            await read(generation.ended),
          ]
          const columns = width + maxTokens
          const samples = asked.map(({ problem, prompt }, row): Sample<Problem> => {
            const from = row * columns + width
            return {
              problem,
              prompt,
              completion: vocabulary.decode(tokens.subarray(from, from + lengths[row]!)),
              length: lengths[row]!,
              terminated: ended[row] === 1,
            }
          })
          return {
            group,
            width,
            tokens,
            starts: prompts.starts === undefined ? null : await read(prompts.starts),
            mask: await read(generation.mask),
            samplerLogp: await read(generation.logp),
            samples,
          }
        }),
      ),
    )
  }
}
