export * from './reward.ts'
export * from './named.ts'
export * from './rules.ts'
