/**
 * Reinforcement learning for language models as pure functions: tasks, rewards, advantages, the GRPO objective and the
 * loops around them.
 *
 * @packageDocumentation
 */
export { describeError, type RunError } from './errors.ts'
export * from './task/index.ts'
export * from './template.ts'
export * from './reward/index.ts'
export * from './advantage.ts'
export * from './ratio.ts'
export * from './clip.ts'
export * from './kl.ts'
export * from './aggregate.ts'
export * from './objective.ts'
export * from './presets.ts'
export * from './batch.ts'
export * from './score.ts'
export { type Rollout, roller, type RolloutConfig } from './rollout.ts'
export { type GradedSample, type GrpoConfig, type GrpoState, grpoStep, type GrpoStepped } from './grpo.ts'
export * from './sft.ts'
export * from './estimate.ts'
export * from './evaluate.ts'
export { completionMetrics, firstNonFinite, type Metrics, rewardMetrics, updateMetrics } from './metrics.ts'
export { createLog, type Json, type Log, type LogRecord, readLog, resumeLog } from './log.ts'
export * from './run.ts'
export { deviceKey, snapshot } from './device.ts'
