export * from './pair.ts'
export * from './derive.ts'
export * from './dialogue.ts'
export {
  dpo,
  ipo,
  type PairLogps,
  type PreferenceLoss,
  preferenceLoss,
  type PreferenceMetrics,
  sequenceLogp,
} from './dpo.ts'
export { type DpoConfig, type DpoState, dpoStep, type PreferenceConfig, preferenceLearner } from './step.ts'
