/**
 * Reinforcement learning for language models as pure functions: tasks, rewards, advantages, the GRPO objective and the
 * loops around them.
 *
 * @packageDocumentation
 */
export * from './errors.ts'
export * from './task/index.ts'
export * from './template.ts'
export * from './reward/index.ts'
export * from './advantage.ts'
export * from './estimate.ts'
