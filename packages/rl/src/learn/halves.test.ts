// The job with parameters stored in two bytes, on a model small enough for a few seconds: SFT, then GRPO, as one run.
import {
  adam,
  castFloats,
  chain,
  clipByGlobalNorm,
  transformer,
  type TransformerParams,
  withMasters,
} from '@adjoint/nn'
import { cast, random, readAsync, realizeAsync, type Tensor, tree, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { group } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { named } from '../reward/named.ts'
import { format } from '../reward/rules.ts'
import { right, testDevice } from '../run/device.support.ts'
import type { RunError } from '../run/errors.ts'
import { type Phase, run } from '../run/run.ts'
import { mod10Chains } from '../task/chain.ts'
import { type GrpoState, grpoStep } from './grpo.ts'
import { mixReference, syncReference } from './reference.ts'
import { sftStep, traces } from './sft.ts'

const device = await testDevice()
const root = mkdtempSync(join(tmpdir(), 'adjoint-halves-'))
afterAll(() => rmSync(root, { recursive: true }))

const task = mod10Chains(2)
const model = transformer({ vocab: task.vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const policy = transformerPolicy(model, task.vocabulary)
// Steps that are below the precision of what they move.
const optimizer = withMasters(chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 })))

type State = GrpoState<TransformerParams, ReturnType<typeof optimizer.init>>

const [SFT, RL] = [4, 3]
const failed: RunError = { _tag: 'FileFailure', path: 'x', code: 'EIO', reason: 'the power went' }
/** The run, which ends with a failure before step `dies` of GRPO. */
const phases = (dies: number): readonly Phase<State>[] => {
  const demonstrate = sftStep({
    policy,
    optimizer,
    batch: traces(task, { rows: 8, thinkShare: 0.5 }),
    width: 14,
    device,
  })
  const improve = grpoStep({
    ...{ task, policy, optimizer, device, prompts: 4, group: 4, maxTokens: 6, temperature: 1, microBatch: 8 },
    objective: { ...GRPO_OBJECTIVE, beta: 0.1 },
    rewards: [named('format', format)],
    credit: outcome(group()),
  })
  const sync = syncReference({ every: 2, alpha: 0.5 }, device)
  return [
    {
      name: 'sft',
      steps: SFT,
      enter: (state) => state,
      advance: (state, { key }) =>
        pipe(
          demonstrate(state, key),
          TE.map(({ state, metrics }) => ({ state: { ...state, reference: null }, metrics })),
        ),
    },
    {
      name: 'grpo',
      steps: RL,
      enter: ({ params }) => ({ params, opt: optimizer.init(params), reference: params }),
      advance: (state, { step, key }) =>
        step === dies
          ? TE.left(failed)
          : pipe(
              sync(state, step),
              TE.flatMap((from) => improve(from, key)),
              TE.map(({ state, metrics }) => ({ state, metrics })),
            ),
    },
  ]
}

const dtypesOf = (t: Tree): readonly string[] => [...new Set(tree.leaves(t).map((x) => x.dtype))].sort()
const numbers = async (t: Tree): Promise<readonly number[]> =>
  (await Promise.all(tree.leaves(t).map(async (x) => [...(await readAsync(x, device))]))).flat()

describe.each(['bf16', 'f16'] as const)('parameters stored as %s', (dtype) => {
  const play = async (folder: string, dies: number, resume = false): Promise<E.Either<RunError, State>> => {
    const params = castFloats(dtype)(model.init(random.key(0)))
    const start: State = await realizeAsync({ params, opt: optimizer.init(params), reference: null }, device)
    const home = join(root, `${dtype}-${folder}`)
    return run({ folder: home, seed: 0, phases: phases(dies), checkpointEvery: 1, settings: { dtype } })(start, {
      resume,
    })()
  }
  const logOf = (folder: string): string => readFileSync(join(root, `${dtype}-${folder}`, 'log.jsonl'), 'utf8')
  const metric = (folder: string, name: string): readonly number[] =>
    logOf(folder)
      .trimEnd()
      .split('\n')
      .flatMap((line) => (JSON.parse(line) as Readonly<Record<string, number>>)[name] ?? [])

  test('stay so from SFT through GRPO, roundings of f32 masters; the sampler is the policy that learns; a run goes on', async () => {
    const whole = await right(() => play('whole', Infinity))
    expect(dtypesOf(whole.params)).toEqual([dtype])
    expect(dtypesOf(whole.reference)).toEqual([dtype])
    expect(dtypesOf(whole.opt.masters)).toEqual(['f32'])
    expect(dtypesOf(whole.opt.inner)).toEqual(['f32', 'i32'])
    // exactly but where p + (m - p), in f32, is on the other side of a tie
    const [kept, rounded] = [await numbers(whole.params), await numbers(castFloats(dtype)(whole.opt.masters))]
    expect(kept.filter((p, i) => p !== rounded[i]).length).toBeLessThan(0.001 * kept.length)
    // masters hold what parameters cannot
    const masters = await numbers(whole.opt.masters)
    expect(masters.filter((m, i) => m !== kept[i]).length).toBeGreaterThan(0.9 * kept.length)

    // Before an update the ratio is 1 up to the rounding of f32: what samples reads the same parameters as what scores.
    const differences = metric('whole', 'sampling/sampling_logp_difference/max')
    expect(differences).toHaveLength(RL)
    differences.forEach((d) => expect(d).toBeLessThan(1e-5))
    metric('whole', 'sampling/importance_sampling_ratio/max').forEach((r) => expect(Math.abs(r - 1)).toBeLessThan(1e-5))

    const cut = await play('cut', 1)
    expect(cut).toEqual(E.left(failed))
    const resumed = await right(() => play('cut', Infinity, true))
    expect(logOf('cut')).toBe(logOf('whole'))
    expect(await numbers(resumed)).toEqual(await numbers(whole))
    expect(tree.leaves(resumed).map((x) => x.dtype)).toEqual(tree.leaves(whole).map((x) => x.dtype))
  })

  test('mix into a reference of their dtype', () => {
    const half = (x: Tensor): Tensor => cast(dtype)(x)
    const params = tree.map(half, model.init(random.key(1)))
    expect(dtypesOf(mixReference(0.5)(params, params))).toEqual([dtype])
  })
})
