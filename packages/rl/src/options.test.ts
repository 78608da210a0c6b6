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
