/** The optimizer of language models that are trained from random weights. */
import { adamW, chain, clipByGlobalNorm, type GradientTransformation, opaque, warmupCosineSchedule } from '@adjoint/nn'

/** AdamW on clipped gradients: warm for a twentieth of the steps, then along a cosine to zero. */
export const warmAdamW = (learningRate: number, steps: number, b2: number): GradientTransformation =>
  opaque(
    chain(
      clipByGlobalNorm(1),
      adamW({
        learningRate: warmupCosineSchedule({
          peak: learningRate,
          warmupSteps: Math.floor(steps / 20),
          steps: Math.max(1, steps),
        }),
        b2,
        weightDecay: 0.1,
      }),
    ),
  )
