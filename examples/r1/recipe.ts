/**
 * R1's recipe on the teacher (DeepSeek-R1, figure 2), then its distillation into a student, and the two ways that R1's
 * tables 5 and 6 compare with: the same student by RL alone, and on traces that nobody filtered.
 */
import {
  allRewardsRl,
  coldStart,
  distillation,
  type R1State,
  r1Start,
  reasoningRl,
  type Recipe,
  rejectionSampling,
  supervised,
} from '@adjoint/rl'
import { random } from '@adjoint/tensor'
import { type Length, settingOf, student, teacher } from './setting.ts'

/** All stages. A comment says which model each makes of which. */
export const recipeOf = (length: Length): Recipe<R1State> => {
  const s = settingOf(length)
  const { rejectionSampling: sampling, distillation: distilled } = s
  return [
    // The teacher: R1. What the oracle taught learns twice: by RL, and again from the best of what RL has made of it. (R1
    // starts that SFT from its base, which was pretrained; the nearest to it here is the model after the cold start.)
    coldStart(s.coldStart), //                                    policy = SFT(base, oracle)
    reasoningRl({ ...s.reasoningRl, to: 'reasoner' }), //         reasoner = GRPO(policy), rules and language
    rejectionSampling({ ...sampling, from: 'reasoner' }), //      kept = its good completions
    rejectionSampling({ ...s.unfiltered, name: 'unfiltered-traces', from: 'reasoner', to: 'unfiltered' }), // all that ended
    supervised({ ...s.supervised, from: 'policy' }), //            policy = SFT(policy, kept)
    allRewardsRl({ ...s.allRewardsRl, to: 'teacher' }), //        teacher = GRPO(policy), all rewards
    // The students, from one start.
    coldStart({ ...s.studentBase, name: 'student-base', from: 'student', to: 'student' }), // student = SFT(student, oracle)
    distillation({ ...distilled, name: 'student-distilled', to: 'student-distilled' }), // SFT(student, kept)
    allRewardsRl({ ...s.studentRl, name: 'student-rl', from: 'student', to: 'student-rl' }), // GRPO(student)
    distillation({ ...distilled, name: 'student-unfiltered-sft', traces: 'unfiltered', to: 'student-unfiltered-sft' }), // SFT(student, unfiltered)
  ]
}

/** From random weights. */
export const startOf = (seed: number): R1State =>
  r1Start({ base: teacher.init(random.key(seed)), student: student.init(random.key(seed + 1000)) })

/** The rows of R1's table. */
export const MODELS = ['teacher', 'student-distilled', 'student-rl', 'student-unfiltered-sft'] as const
