export * from './reward-model.ts'
export {
  bradleyTerry,
  type BradleyTerryConfig,
  type PairMetrics,
  pairMetrics,
  type PairRewards,
} from './bradley-terry.ts'
export { type RewardLearner, type RewardModelConfig, rewardModelStep, rewardModelStepAsync } from './step.ts'
export * from './calibration.ts'
export type { ScoringConfig } from './score-texts.ts'
export * from './evaluate.ts'
export * from './learned.ts'
