/**
 * Reinforcement learning for language models as pure functions: tasks, rewards, advantages, the GRPO objective and the
 * loops around them.
 *
 * @packageDocumentation
 */
export { describeError, type RunError } from './run/errors.ts'
export type { Abortable, Signal } from './signal.ts'
export { orThrow, type RlError, RlFailure } from './or-throw.ts'
export * from './task/index.ts'
export * from './policy/template.ts'
export * from './reward/index.ts'
export { type Deviation, TRL_DEVIATION } from './credit/deviation.ts'
export * from './credit/advantage.ts'
export * from './credit/gdpo.ts'
export * from './credit/process.ts'
export * from './credit/gae.ts'
export * from './credit/kl-reward.ts'
export * from './objective/ratio.ts'
export * from './objective/clip.ts'
export * from './objective/kl.ts'
export * from './objective/aggregate.ts'
export * from './objective/objective.ts'
export * from './objective/control.ts'
export * from './objective/value.ts'
export * from './objective/correction.ts'
export * from './objective/presets.ts'
export * from './policy/batch.ts'
export * from './policy/score.ts'
export { type OtherTokenizer, sameTokens, type Text } from './policy/text.ts'
export { tokenizerText, type TokenizerTextConfig } from './policy/tokenizer-text.ts'
export { piecesOf } from './policy/pieces.ts'
export * from './policy/policy.ts'
export * from './policy/through.ts'
export type { Rollout } from './experience/rollout.ts'
export * from './experience/experience.ts'
export * from './experience/source.ts'
export * from './experience/json.ts'
export { roller, rollerAsync, type RolloutConfig } from './policy/rollout.ts'
export * from './experience/select.ts'
export * from './experience/collect.ts'
export { type ProcessReward } from './experience/grade.ts'
export * from './credit/credit.ts'
export type { Needs } from './credit/needs.ts'
export { type Offer, requireCredit } from './credit/demands.ts'
export { requireObjective } from './objective/require.ts'
export * from './learn/reference.ts'
export * from './learn/grpo.ts'
export type { GradedSample, GrpoStepped, Told } from './learn/stepped.ts'
export * from './learn/sourced-state.ts'
export * from './learn/critic.ts'
export { type PpoConfig, type PpoState, ppoStep, ppoStepAsync } from './learn/ppo.ts'
export type { CriticCredit, Truncation } from './credit/actor-critic.ts'
export type { ObjectiveUpdate } from './learn/objective-update.ts'
export type { Learner, Optimizer } from './learn/update.ts'
export type { Stepped } from './learn/fit.ts'
export * from './learn/sft.ts'
export * from './evaluate/estimate.ts'
export * from './evaluate/evaluate.ts'
export * from './evaluate/record.ts'
export { completionMetrics, firstNonFinite, type Metrics, rewardMetrics, updateMetrics } from './run/metrics.ts'
export {
  createLog,
  createLogAsync,
  type Json,
  type Log,
  type LogRecord,
  parseRecord,
  readLog,
  readLogAsync,
  resumeLog,
  resumeLogAsync,
} from './run/log.ts'
export * from './run/printable.ts'
export * from './run/state.ts'
export * from './run/run.ts'
export { type OpenSink, type Sink, type SinkStart, type StepLines, tolerated } from './run/sink.ts'
export { snapshot, snapshotAsync } from './run/snapshot.ts'
export * from './run/keys.ts'
export * from './preference/index.ts'
export * from './reward-model/index.ts'
export * from './process-reward/index.ts'
export * from './recipe/index.ts'
export * from './distill/index.ts'
export * from './distill/rejection.ts'
export * from './teacher/index.ts'
