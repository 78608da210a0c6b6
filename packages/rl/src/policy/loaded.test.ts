// A loaded model as a policy, whole or through an adapter: every way to learn takes it by the same functions as a character policy.
import {
  adam,
  type Adapter,
  huggingFaceTokenizer,
  llama,
  loadModelAsync,
  lora,
  projections,
  qwen3,
  saveModel,
  transformer,
} from '@adjoint/nn'
import { add, random, readAsync, tree, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  coldStart,
  distillation,
  distillStep,
  dpo,
  dpoStep,
  epochs,
  forwardKl,
  gkdStep,
  group,
  GRPO_OBJECTIVE,
  hostKey,
  labelledSteps,
  learnedReward,
  type LogitPolicy,
  miniLlmStep,
  mod10Chain,
  mod10Chains,
  named,
  namedBatch,
  onPolicyDistillStep,
  OtherTokenizerError,
  outcome,
  pairEvaluator,
  perform,
  policyThrough,
  preferencePairs,
  processRewardStep,
  type R1State,
  r1Start,
  reasoningRl,
  type Recipe,
  rejectionSample,
  rejectionSampling,
  type RewardModel,
  rewardModel,
  rewardModelStep,
  rewardModelThrough,
  sameTokens,
  scoreSamples,
  sftStep,
  snapshot,
  stepRewards,
  supervised,
  type Text,
  tokenizerText,
  traces,
  transformerPolicy,
  within,
  wrongAnswer,
} from '../index.ts'
import { right, testDevice } from '../run/device.support.ts'
import { describeStageError } from '../recipe/errors.ts'

const file = '../shared/fixtures/tokenizers/gpt2-tokenizer.derived.json'
const present = existsSync(file)
if (!present) console.log(`skipped: ${file} is absent; nothing is learnt by a loaded model`)

const device = await testDevice()
const root = mkdtempSync(join(tmpdir(), 'adjoint-loaded-'))
afterAll(() => rmSync(root, { recursive: true }))

const must = <A>(outcome: E.Either<unknown, A>): A => {
  if (E.isLeft(outcome)) throw new Error(JSON.stringify(outcome.left))
  return outcome.right
}
const gpt2 = (): Text =>
  must(
    tokenizerText({
      tokenizer: must(
        huggingFaceTokenizer({
          tokenizer: JSON.parse(readFileSync(file, 'utf8')) as unknown,
          config: { eos_token: '<|endoftext|>' },
          path: 'gpt2/tokenizer.json',
        }),
      ),
      template: null,
    }),
  )

// The chain task has a vocabulary of its own; a loaded model is given its prompts and its verifier, and nothing of that.
const { vocabulary: _, ...task } = mod10Chains(2)
const WIDTH = 48
const sizes = { vocab: 50_257, width: 8, layers: 1, heads: 2, kvHeads: 1, hidden: 16, context: WIDTH, tiedHead: true }
const models = {
  llama: transformer(llama(sizes)),
  qwen3: transformer(qwen3({ ...sizes, headDim: 4 })),
}

const optimizer = adam({ learningRate: 5e-3 })
const drawn = { maxTokens: 6, temperature: 1 } as const
const sampling = { ...drawn, task, prompts: 2, promptWidth: 8 } as const
const examples = traces(task, { rows: 2, thinkShare: 1 })
const pairs = preferencePairs(task, { rows: 2, split: 'train', corruptions: [wrongAnswer] })

const numbers = async (t: Tree): Promise<readonly number[]> =>
  (await Promise.all(tree.leaves(t).map(async (x) => [...(await readAsync(x, device))]))).flat()

/** A loaded model's policy, or that of its adapter: where it starts, and a reward model with the same parameters. */
interface Kind<P extends Tree> {
  readonly policy: LogitPolicy<P>
  readonly start: P
  readonly model: RewardModel<P>
}

const kindsOf = async (name: keyof typeof models, text: Text) => {
  const path = join(root, name)
  const made = models[name]
  must(await saveModel({ path })(made, made.init(random.key(0)))())
  const { model, params: base, architecture } = await loadModelAsync({ path, device })
  expect(architecture).toBe(name)
  const { init, adapt } = lora({ rank: 2, targets: /^blocks\./, split: projections(model.config) })
  const onBase = (adapter: Adapter) => adapt(base, adapter)
  const whole = { policy: transformerPolicy(model, text), start: base, model: rewardModel(model) }
  const adapted = {
    policy: policyThrough(onBase, whole.policy),
    start: init(base)(random.key(1)),
    model: rewardModelThrough({ paramsOf: onBase, init: init(base) }, whole.model),
  }
  return { base, whole, adapted }
}

/** Three steps of one kind on one batch, from a copy of the start: what `loss` was in each. */
const losses = async <S>(
  begin: S,
  step: (state: S, at: number) => Promise<{ readonly state: S; readonly metrics: Readonly<Record<string, number>> }>,
  named = 'loss',
): Promise<readonly number[]> => {
  const said: number[] = []
  for (let at = 0, state = begin; at < 3; at++) {
    const { state: next, metrics } = await step(state, at)
    said.push(metrics[named]!)
    state = next
  }
  return said
}
const falls = (said: readonly number[]): void => {
  expect(said.every(Number.isFinite)).toBe(true)
  expect(said.at(-1)).toBeLessThan(said[0]!)
}

/** All ways to learn but the recipe, of one policy. `teacher` is read only. */
const learnsAll = async <P extends Tree, T extends Tree>(
  { policy, start, model }: Kind<P>,
  teacher: { readonly policy: LogitPolicy<T>; readonly params: T },
): Promise<void> => {
  const copy = () => right(snapshot(device)(start))
  const begin = async () => {
    const params = await copy()
    return { params, opt: optimizer.init(params) }
  }
  const shared = { optimizer, device, width: WIDTH }
  const key = hostKey(3)

  const preferred = dpoStep({ ...shared, policy, loss: dpo({ beta: 1 }), batch: pairs, microBatch: 1 })
  const dpoLosses = await losses({ ...(await begin()), reference: await copy() }, (state) =>
    right(preferred(state, key)),
  )
  expect(dpoLosses[0]).toBeCloseTo(Math.LN2, 4)
  falls(dpoLosses)

  const { text: vocabulary } = policy
  const judge = { ...shared, model, vocabulary }
  const fit = rewardModelStep({ ...judge, batch: pairs })
  const params = model.init(random.key(5), await copy())
  falls(await losses({ params, opt: optimizer.init(params) }, (state) => right(fit(state, key))))
  const judging = model.init(random.key(5), await copy())
  const fixed = { model, vocabulary, device, width: WIDTH, rows: 4 }
  const evaluated = await right(pairEvaluator(fixed)(judging, pairs(key)))
  expect(evaluated.differences).toHaveLength(2)
  const steps = labelledSteps({ ...task, vocabulary }, { rows: 2, split: 'train', separator: '', corruptions: [] })
  const taught = processRewardStep({ ...judge, batch: steps })
  const forSteps = model.init(random.key(6), await copy())
  falls(await losses({ params: forSteps, opt: optimizer.init(forSteps) }, (state) => right(taught(state, key))))

  const { traces: kept, samples } = await right(
    rejectionSample({ ...drawn, task, policy, device, count: 2, group: 2, accept: {}, distinct: false })(
      await copy(),
      key,
    ),
  )
  expect(samples).toHaveLength(kept.length)
  const rewarded = await scoreSamples([namedBatch('learned', learnedReward({ ...fixed, params: judging }))])(
    examples(key).map(({ prompt, completion }) => ({ problem: null, prompt, completion, length: 9, terminated: true })),
  )
  for (const { parts } of rewarded) expect(Number.isFinite(parts['learned'])).toBe(true)
  const said = await stepRewards({ ...fixed, params: judging, separator: '' })(
    examples(key).map(({ prompt, completion }) => ({
      problem: null,
      prompt,
      completion,
      length: 40,
      terminated: true,
    })),
  )
  expect(said.every((of) => of.length >= 2)).toBe(true)

  const onTraces = sftStep({ ...shared, policy, batch: epochs(examples(key), { rows: 2, key }) })
  falls(await losses(await begin(), (state, at) => right(onTraces(state, key, at))))

  const towards = { policy, teacher, divergence: forwardKl, optimizer, device, microBatch: 1 }
  const onTexts = distillStep({ ...towards, width: WIDTH, batch: examples })
  falls(await losses(await begin(), (state) => right(onTexts(state, key))))
  const onOwn = onPolicyDistillStep({ ...towards, sampling })
  expect(Number.isFinite((await right(onOwn(await begin(), key))).metrics['loss'])).toBe(true)
  const mixed = gkdStep({ ...towards, width: WIDTH, batch: examples, sampling, lambda: 0.5 })
  expect((await right(mixed(await begin(), key))).metrics['on_policy']).toBeDefined()
  const reinforced = miniLlmStep({ policy, teacher, sampling, optimizer, device })
  expect(Number.isFinite((await right(reinforced(await begin(), key))).metrics['kl'])).toBe(true)
}

describe.skipIf(!present).each(['llama', 'qwen3'] as const)('a loaded %s', async (name) => {
  const { base, whole, adapted } = present ? await kindsOf(name, gpt2()) : null!

  test('learns from pairs, traces and a teacher, and rewards', { timeout: 120_000 }, async () => {
    const was = await numbers(base)
    // an adapter that changes its base: at its start it does not
    const taught = tree.map((x) => add(x, 0.5), adapted.start)
    await learnsAll(whole, { policy: adapted.policy, params: taught })
    expect(await numbers(base)).toEqual(was)
  })

  test('so does its adapter, and the base stays', { timeout: 120_000 }, async () => {
    const was = await numbers(base)
    const other = models[name].init(random.key(9))
    await learnsAll(adapted, { policy: whole.policy, params: other })
    expect(await numbers(base)).toEqual(was)
  })
})

describe.skipIf(!present)('a recipe', () => {
  test('of an adapter of one architecture, whose traces teach another one whole', { timeout: 120_000 }, async () => {
    const [teacher, pupil] = [await kindsOf('llama', gpt2()), await kindsOf('qwen3', gpt2())]
    interface Both {
      readonly teacher: R1State<Adapter>
      readonly student: R1State
    }
    const ofTeacher = within<Both, R1State<Adapter>>({
      get: (both) => both.teacher,
      set: (changed, both) => ({ ...both, teacher: changed }),
    })
    const ofStudent = within<Both, R1State>({
      get: (both) => ({ ...both.student, traces: both.teacher.traces }),
      set: (student, both) => ({ ...both, student }),
    })
    const exam = { task, count: 2, samples: 2, ...drawn, seed: 5 }
    const sft = { steps: 2, learningRate: 1e-3, optimizer: () => optimizer, width: WIDTH, exam }
    const { policy, start } = teacher.adapted
    const recipe: Recipe<Both> = [
      ...ofTeacher([
        coldStart({ ...sft, policy, batch: examples }),
        reasoningRl({
          ...{ ...drawn, task, policy, exam, steps: 2, prompts: 2, group: 2, learningRate: 1e-3 },
          optimizer: () => optimizer,
          ...{ credit: outcome(group()), objective: { ...GRPO_OBJECTIVE, beta: 0.1 } },
          rewards: [named('short', ({ length }) => 1 / length)],
        }),
        rejectionSampling({ ...drawn, task, policy, count: 4, group: 2, accept: {}, distinct: false }),
      ]),
      // what was kept has an end; untrained models seldom write one, so that the demonstrations stand in for it
      ...ofTeacher([
        {
          name: 'demonstrate',
          at: () => (state) => async () => E.right({ ...state, traces: { kept: examples(hostKey(1)) } }),
        },
        supervised({ ...sft, policy, rows: 2 }),
      ]),
      ...ofStudent([distillation({ ...sft, policy: pupil.whole.policy, rows: 2 })]),
    ]
    const folder = join(root, 'recipe')
    const from: Both = {
      teacher: r1Start({ base: start, student: start }),
      student: r1Start({ base: pupil.base, student: pupil.base }),
    }
    const ended = await perform(recipe)({ device, folder, seed: 0, checkpointEvery: 2, resume: false })(from)()
    if (E.isLeft(ended)) throw new Error(describeStageError(ended.left))
    const { teacher: last, student } = ended.right
    expect(Object.keys(last.models['policy']!).sort()).toEqual(Object.keys(start).sort())
    expect(await numbers(last.models['policy']!)).not.toEqual(await numbers(start))
    expect(await numbers(student.models['student']!)).not.toEqual(await numbers(pupil.base))
    expect(student.reports.map(({ model }) => model)).toEqual(['student'])
    // the log says what each is
    const [settings] = readFileSync(join(folder, '2-reasoning-rl', 'log.jsonl'), 'utf8').split('\n')
    expect(JSON.parse(settings!)).toMatchObject({ policy: { vocab: 50_257, width: 8, context: WIDTH } })
  })
})

describe.skipIf(!present)('two tokenizers', () => {
  const small = transformer({ vocab: 50_257, width: 8, layers: 1, heads: 2, context: WIDTH })

  test('of logits are refused, with the names of both; of traces they are not', { timeout: 60_000 }, async () => {
    const text = gpt2()
    const shuffled: Text = { ...text, name: 'other/tokenizer.json', token: (id) => text.token(id === 7 ? 8 : id) }
    const policy = transformerPolicy(small, text)
    const teacher = { policy: transformerPolicy(small, shuffled), params: small.init(random.key(0)) }
    const given = { policy, teacher, divergence: forwardKl, optimizer, device, sampling }
    const fixed = { batch: examples, width: WIDTH }
    const refused = [
      () => distillStep({ policy, teacher, divergence: forwardKl, optimizer, device, ...fixed }),
      () => onPolicyDistillStep(given),
      () => gkdStep({ ...given, ...fixed, lambda: 0.5 }),
      () => miniLlmStep({ policy, teacher, sampling, optimizer, device }),
    ]
    for (const refuse of refused) {
      expect(refuse).toThrow(OtherTokenizerError)
      expect(refuse).toThrow(/gpt2\/tokenizer\.json.*other\/tokenizer\.json.*token 7/)
    }
    const reason = { student: 'gpt2/tokenizer.json', teacher: 'other/tokenizer.json', token: 7 }
    expect(sameTokens({ student: text, teacher: shuffled })).toMatchObject(
      E.left({ _tag: 'OtherTokenizer', ...reason }),
    )
    // the same tokens in another file are the same; other characters are others
    expect(sameTokens({ student: text, teacher: { ...gpt2(), name: 'copy' } })).toEqual(E.right(undefined))
    expect(E.isLeft(sameTokens({ student: text, teacher: mod10Chain.vocabulary }))).toBe(true)

    // what a character policy wrote is text, and is encoded anew
    const characters = mod10Chains(2)
    const own = transformer({ vocab: characters.vocabulary.size, width: 8, layers: 1, heads: 2, context: 24 })
    const { traces: written } = await right(
      rejectionSample({
        ...{ task: characters, policy: transformerPolicy(own, characters.vocabulary), device },
        ...{ count: 8, group: 4, maxTokens: 12, temperature: 1, accept: {} },
      })(own.init(random.key(2)), hostKey(2)),
    )
    expect(written.length).toBeGreaterThan(0)
    const params = small.init(random.key(4))
    const step = sftStep({ policy, optimizer, device, width: WIDTH, batch: () => written.slice(0, 1) })
    const learnt = await right(step({ params, opt: optimizer.init(params) }, hostKey(0)))
    expect(Number.isFinite(learnt.metrics['loss'])).toBe(true)
  })
})
