/** The step of a variant of GRPO: a preset of the library, with the page's weights and KL coefficient. */
import { MAX_TOKENS, policy, task, grpo, grpoOptimizer } from '../../../../examples/r1-mini/setting.ts'
import { type Control, relabels } from '../../../../examples/cli/controls.ts'
import {
  accuracy,
  type Chain,
  type Credit,
  format,
  grpoStep,
  klInReward,
  named,
  type ObjectiveConfig,
  outcome,
  type Preset,
  presets,
  relabelled,
  returnsToGo,
  rloo,
} from '@adjoint/rl'
import type { Device } from '@adjoint/tensor'
import type { Learning } from './settings.ts'

const presetOf = ({ variant, correct, format: template }: Learning): Preset => {
  switch (variant) {
    case 'drGrpo':
      return presets.drGrpo(MAX_TOKENS)
    case 'gdpo':
      return presets.gdpo({ correct, format: template })
    default:
      return presets[variant]
  }
}

/** Where the KL term goes: RLOO and REINFORCE++ take it off the reward, the others have it in the loss. */
const withKl = (learning: Learning): { readonly credit: Credit<unknown>; readonly objective: ObjectiveConfig } => {
  const { credit, objective } = presetOf(learning)
  const { variant, beta } = learning
  const free = { ...objective, beta: 0 }
  if (beta === 0) return { credit, objective: free }
  if (variant === 'rloo') return { credit: klInReward(beta)(outcome(rloo)), objective: free }
  if (variant === 'reinforcePlusPlus') return { credit: returnsToGo(beta), objective: free }
  return { credit, objective: { ...objective, beta } }
}

/** A step compiled for a device; `steps` is what the learning rate falls over. */
export const stepOf = (device: Device, steps: number, control: Control | null, learning: Learning) => {
  const { credit, objective } = withKl(learning)
  return grpoStep({
    task,
    policy,
    prompts: learning.prompts,
    group: learning.group,
    minibatches: learning.minibatches,
    maxTokens: MAX_TOKENS,
    temperature: grpo.temperature,
    rewards: [
      named<Chain>('correct', accuracy(task.verify), learning.correct),
      named<Chain>('format', format, learning.format),
    ],
    credit: control === null ? credit : relabelled(relabels[control])(credit),
    objective,
    optimizer: grpoOptimizer('f32', steps),
    device,
  })
}
export type Step = ReturnType<typeof stepOf>
