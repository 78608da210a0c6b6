export {
  type DerivedSteps,
  type LabelledStep,
  type LabelledSteps,
  labelledSteps,
  labelSteps,
  type ReasoningStep,
  stepsOf,
  type TaskInText,
} from './steps.ts'
export * from './process-reward.ts'
