import { adam, transformer } from '@adjoint/nn'
import { describe, expect, it } from 'vitest'
import * as rl from './index.ts'

type Configured = (given: never) => unknown

/** Functions that are configured by name, under the name that their errors give. */
const configured: Readonly<Record<string, Configured>> = {
  ...{ gae: rl.gae, replay: rl.replay, evaluator: rl.evaluator },
  ...{ grpoStep: rl.grpoStep, ppoStep: rl.ppoStep, sftStep: rl.sftStep, dpoStep: rl.dpoStep, ktoStep: rl.ktoStep },
  ...{ distillStep: rl.distillStep, onPolicyDistillStep: rl.onPolicyDistillStep, gkdStep: rl.gkdStep },
  ...{ miniLlmStep: rl.miniLlmStep, rejectionSample: rl.rejectionSample, divergenceMeter: rl.divergenceMeter },
  ...{ rewardModelStep: rl.rewardModelStep, processRewardStep: rl.processRewardStep, stepRewards: rl.stepRewards },
  ...{ pairEvaluator: rl.pairEvaluator, learnedReward: rl.learnedReward, bradleyTerry: rl.bradleyTerry },
  ...{ evaluateDifferences: rl.evaluateDifferences },
  ...{ lowHigh: rl.lowHigh, adaptiveKl: rl.adaptiveKl, adaptiveEntropy: rl.adaptiveEntropy, controller: rl.controller },
  ...{ tis: rl.tis, mis: rl.mis, objective: rl.objective, geometric: rl.geometric, valueLoss: rl.valueLoss },
  ...{ dpo: rl.dpo, ipo: rl.ipo, ktoLoss: rl.ktoLoss, simpo: rl.simpo, orpo: rl.orpo },
  ...{ sameChoice: rl.sameChoice, softOverlong: rl.softOverlong, cosineLength: rl.cosineLength, cap: rl.cap },
  ...{ languageConsistency: rl.languageConsistency, repetition: rl.repetition, patient: rl.patient },
  ...{ countdown: rl.countdown, endpointTeacher: rl.endpointTeacher, teacherTraces: rl.teacherTraces },
  ...{ roller: rl.roller, collector: rl.collector, sampler: rl.sampler, learner: rl.learner },
  ...{ preferenceLearner: rl.preferenceLearner, rejectionBatches: rl.rejectionBatches, selectTraces: rl.selectTraces },
  ...{ evaluationRecord: rl.evaluationRecord, run: rl.run, staged: rl.staged, perform: rl.perform([]) },
  ...{ examine: rl.examine, supervise: rl.supervise, reinforce: rl.reinforce, sampleTraces: rl.sampleTraces },
  ...{ coldStart: rl.coldStart, reasoningRl: rl.reasoningRl, rejectionSampling: rl.rejectionSampling },
  ...{
    supervised: rl.supervised,
    allRewardsRl: rl.allRewardsRl,
    distillation: rl.distillation,
    r1: rl.r1,
    r1Zero: rl.r1Zero,
  },
  advantage: rl.group,
  grpoFrom: (given) => rl.grpoFrom(null as never, given),
  scoreCompletions: (given) => rl.scoreCompletions(null as never, given),
  sampleRecords: (given) => rl.sampleRecords(rl.addition(2), given),
  pairsFromSamples: rl.pairsFromSamples,
  syncReference: (given) => rl.syncReference(given, null as never),
  epochs: (given) => rl.epochs([], given),
  traces: (given) => rl.traces(rl.addition(2), given),
  bilingual: (given) => rl.bilingual(rl.addition(2), given),
  problems: (given) => rl.problems(rl.addition(2), 'train', given),
}

describe('options by name', () => {
  it.each(Object.entries(configured))('%s says which it has, where one is not among them', (name, configure) => {
    const given = (options: unknown) => () => configure(options as never)
    expect(given({ misspelt: 1 })).toThrow(
      new RegExp(`^${name}: it has no option 'misspelt'. Its options? (is|are) \\w`),
    )
    expect(given(3)).toThrow(new RegExp(`^${name}: its options are the number 3, not an object`))
  })
})

describe('options that are of another kind', () => {
  const task = rl.addition(1)
  const model = transformer({ vocab: task.vocabulary.size, width: 8, layers: 1, heads: 1, context: 24 })
  const policy = rl.transformerPolicy(model, task.vocabulary)
  const rewards = [rl.named('format', rl.format)]
  const step = (over: object) => () =>
    rl.grpoStep({
      ...{ task, policy, rewards, group: 2, prompts: 2, maxTokens: 8, temperature: 1, ...rl.presets.grpo },
      ...{ optimizer: adam({ learningRate: 1 }), device: {}, ...over },
    } as never)

  it.each([
    [{ group: '4' }, 'collector: group is the string 4. Give a whole number of at least 1.'],
    [{ maxTokens: '8' }, 'roller: maxTokens is the string 8. Give a whole number of at least 1.'],
    [{ temperature: '1' }, 'roller: temperature is the string 1. Give a number of at least 0.'],
  ])('%j is refused where the step is made', (over, words) => {
    expect(step(over)).toThrow(new RangeError(words))
  })

  it.each([
    [
      { policy: model },
      /^\w+: the policy is .+, not \{ text, generate, \.\. \}\. Give a policy, such as transformerPolicy/,
    ],
    [{ policy: Promise.resolve(policy) }, /^\w+: the policy is a promise, .+ await what is promised\.$/],
    [{ task: Promise.resolve(task) }, /^\w+: the task is a promise, .+ await what is promised\.$/],
  ])('a task or a policy that is none is refused where the step is made', (over, words) => {
    expect(step(over)).toThrow(words)
  })

  it.each([
    ['a function', { rewards: [rl.format] }, /: item 0 of the rewards is .+\. Give a list of rewards with names/],
    ['one alone', { rewards: rewards[0] }, /: the rewards is .+\. Give a list of rewards with names/],
  ])('rewards that are %s are refused where the step is made', (_, over, words) => {
    expect(step(over)).toThrow(words)
  })

  it.each(['0.5', 50, -1, NaN])('a share of thoughts of %j is refused', (thinkShare) => {
    expect(() => rl.traces(task, { rows: 1, thinkShare: thinkShare as never })).toThrow(/^traces: thinkShare is /)
  })

  it.each(['auto', 1, undefined, null])('a run is not resumed by %j', (resume) => {
    const start = rl.run({ folder: 'unused', seed: 0, phases: [], checkpointEvery: 1, settings: {} })
    expect(() => start(null, { resume: resume as never })).toThrow(
      /^run: resume is .+\. Give true, false or 'where begun'\.$/,
    )
  })
})
