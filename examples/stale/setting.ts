/** What differs from the setting of `variants`: one update a batch, so that k steps are k updates, and a brisk one. */
import { adam, chain, clipByGlobalNorm } from '@adjoint/nn'

/** The ages of rollouts, in steps. */
export const AGES = [4, 16] as const
export const optimizer = chain(clipByGlobalNorm(0.2), adam({ learningRate: 4e-4 }))
