export * from './pair.ts'
export * from './derive.ts'
export * from './dialogue.ts'
export {
  completionLengths,
  dpo,
  ipo,
  type PairLogps,
  type PreferenceLoss,
  preferenceLoss,
  type PreferenceMetrics,
  sequenceLogp,
} from './dpo.ts'
export * from './reference-free.ts'
export {
  type DpoConfig,
  type DpoState,
  dpoStep,
  dpoStepAsync,
  type PreferenceConfig,
  preferenceLearner,
  preferenceLearnerAsync,
} from './step.ts'
export {
  type KtoConfig,
  ktoLoss,
  type KtoMetrics,
  type LabelledCompletion,
  type LabelledLogps,
  type LabelledTotals,
  mismatched,
  type ReferredLogps,
  referencePoint,
  unpaired,
} from './kto.ts'
export { ktoStep, ktoStepAsync, type KtoStepConfig } from './kto-step.ts'
