/**
 * Rollouts: G completions to each of some prompts, sampled on the device, and read once: some tens of kilobytes a batch,
 * which the host decodes, rewards and selects from.
 */
import type { Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type OptionNames, optionsOf, shown } from '@adjoint/tensor/ir'
import { encodePrompts } from './batch.ts'
import { onDevice, readTogether } from '../run/device.ts'
import { demandAtLeast, demandCounts, describeError, type RunError } from '../run/errors.ts'
import type { Rollout } from '../experience/rollout.ts'
import type { Sample } from '../reward/sample.ts'
import { deviceKey, type HostKey, hostKey } from '../run/keys.ts'
import { problem, type Task } from '../task/task.ts'
import type { DrawOptions, Policy } from './policy.ts'
import { curriedTwin } from '../or-throw.ts'

/** How to sample. */
export interface RolloutConfig<Problem, P extends Tree> extends Omit<DrawOptions, 'n'> {
  readonly task: Task<Problem>
  readonly policy: Policy<P>
  /** Completions to a prompt, G. */
  readonly group: number
  /** Columns of prompts; fix it where prompts differ in length, so that one program serves all batches. */
  readonly promptWidth?: number
}

/** @internal */
export const ROLLOUT_OPTIONS: OptionNames<RolloutConfig<never, never>> = {
  ...{ task: true, policy: true, group: true, promptWidth: true },
  ...{ maxTokens: true, temperature: true, device: true },
}

/**
 * A sampler of rollouts; make it once, it keeps its compiled programs. Same parameters, problems and key, same rollouts.
 * Left: EmptyDataset, UnknownToken, SequenceTooLong, NoDistribution, DeviceFailed.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, hostKey, problems, roller, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const policy = transformerPolicy(model, mod10Chain.vocabulary)
 *   const roll = roller({ task: mod10Chain, policy, group: 4, maxTokens: 10, temperature: 1, device: device.right })
 *   const rollout = await roll(model.init(random.key(0)), problems(mod10Chain, 'train', { count: 2 })(hostKey(0)), hostKey(1))()
 * }
 * ```
 */
export const roller = <Problem, P extends Tree>(given: RolloutConfig<Problem, P>) => {
  const config = optionsOf('roller', given, ROLLOUT_OPTIONS)
  const { task, policy, group, maxTokens, temperature, device } = config
  const { text, context } = policy
  demandCounts('roller', { maxTokens })
  demandAtLeast('roller', 0, { temperature })
  requireFit('roller', config)
  const generate = policy.generate({ maxTokens, temperature, n: group, device })
  return (params: P, problems: readonly Problem[], key: HostKey): TE.TaskEither<RunError, Rollout<Problem>> => {
    const asked = problems.map((problem) => ({ problem, prompt: task.prompt(problem) }))
    return pipe(
      encodePrompts(text, config.promptWidth)(asked.map(({ prompt }) => prompt)),
      E.filterOrElse(
        ({ width }) => width + maxTokens <= context,
        ({ width }): RunError => ({ _tag: 'SequenceTooLong', length: width + maxTokens, context }),
      ),
      TE.fromEither,
      TE.flatMap(({ prompts, width, starts }) =>
        onDevice(async () => {
          const {
            tokens: drawn,
            lengths: counts,
            ended: ends,
            mask,
            logp,
          } = await generate(params, prompts, deviceKey(key))
          // One wait for all that the host asks of the device.
          const { tokens, lengths, ended, ...rest } = await readTogether(device, {
            tokens: drawn,
            lengths: counts,
            ended: ends,
            mask,
            samplerLogp: logp,
          })
          const columns = width + maxTokens
          const samples = Array.from(lengths, (length, row): Sample<Problem> => {
            const { problem, prompt } = asked[Math.floor(row / group)]!
            const from = row * columns + width
            return {
              problem,
              prompt,
              completion: text.decode(tokens.subarray(from, from + length)),
              length,
              terminated: ended[row] === 1,
            }
          })
          const begins = starts === null ? null : Int32Array.from(lengths, (_, row) => starts[Math.floor(row / group)]!)
          return { group, width, tokens, starts: begins, samples, ...rest }
        }),
      ),
    )
  }
}

/**
 * {@link roller} for scripts: the sampler awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { hostKey, mod10Chain, problems, rollerAsync, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * const roll = rollerAsync({ task: mod10Chain, policy, group: 4, maxTokens: 10, temperature: 1, device })
 * const asked = problems(mod10Chain, 'train', { count: 2 })(hostKey(0))
 * const { samples } = await roll(model.init(random.key(0)), asked, hostKey(1))
 * console.log(samples.length) // 8
 * ```
 */
export const rollerAsync = /* @__PURE__ */ curriedTwin(roller)

/** Throws TypeError where `value` lacks one of the fields: it is a promise that nobody awaited, say, or a model in place of its policy. */
const demandRecord = (op: string, what: string, value: unknown, fields: readonly string[], fix: string): void => {
  if (typeof value === 'object' && value !== null && fields.every((field) => field in value)) return
  const told = value instanceof Promise ? `${fix}, and await what is promised.` : `${fix}.`
  throw new TypeError(`${op}: the ${what} is ${shown(value)}, not { ${fields.join(', ')}, .. }. ${told}`)
}

/** @internal What is asked of a policy before a step is made: a task whose prompts it can read, with room for the answers. */
export const requireFit = <Problem, P extends Tree>(
  op: string,
  {
    task,
    policy,
    maxTokens,
    promptWidth,
  }: Pick<RolloutConfig<Problem, P>, 'task' | 'policy' | 'maxTokens' | 'promptWidth'>,
): void => {
  demandRecord(
    op,
    'task',
    task,
    ['generate', 'prompt', 'identity'],
    'Give a task, such as mod10Chain or a record of your own',
  )
  demandRecord(
    op,
    'policy',
    policy,
    ['text', 'generate'],
    'Give a policy, such as transformerPolicy(model, task.vocabulary)',
  )
  const { text, context } = policy
  const prompt = task.prompt(problem(task, 'train')(hostKey(0)))
  const encoded = text.prompt(prompt)
  if (E.isLeft(encoded))
    throw new RangeError(
      `${op}: the policy cannot read the prompts of task ${task.name}: ${describeError(encoded.left)} ` +
        "Make the policy with the task's vocabulary.",
    )
  const needed = encoded.right.length
  if (promptWidth !== undefined && needed > promptWidth)
    throw new RangeError(
      `${op}: prompts of task ${task.name} have ${needed} tokens (${JSON.stringify(prompt)}, say), and promptWidth is ${promptWidth}. Give at least ${needed}.`,
    )
  const columns = promptWidth ?? needed
  if (columns + maxTokens > context)
    throw new RangeError(
      `${op}: prompts of task ${task.name} have ${columns} tokens (${JSON.stringify(prompt)}, say), and completions up to ` +
        `${maxTokens}: together more than the context of ${context}. Make the model with a context of at least ${columns + maxTokens}, or lower maxTokens.`,
    )
}
