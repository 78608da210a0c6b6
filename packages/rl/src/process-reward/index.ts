export {
  type DerivedSteps,
  type LabelledStep,
  type LabelledSteps,
  labelledSteps,
  labelSteps,
  type ReasoningStep,
  stepsOf,
} from './steps.ts'
export * from './process-reward.ts'
