/** Log-probabilities of all completions of a batch under some parameters, in parts of a few rows where asked for. */
import { type Device, jit, type Tree } from '@adjoint/tensor'
import type { Rollout } from '../experience/rollout.ts'
import { sampledParts } from '../experience/rows.ts'
import type { Policy } from '../policy/policy.ts'
import type { Scored } from '../policy/score.ts'
import { readEach } from '../run/device.ts'

/** @internal What to score with. */
export interface ScorerConfig<P extends Tree> {
  readonly policy: Policy<P>
  readonly maxTokens: number
  readonly temperature: number
  readonly microBatch?: number
  readonly device: Device
}

/** @internal `(params, experience) -> [rows, N]`, nats: asked for at once, awaited together. */
export const scorer = <P extends Tree>({ policy, maxTokens, temperature, microBatch, device }: ScorerConfig<P>) => {
  const score = policy.score({ completion: maxTokens, temperature })
  const logpUnder = jit((params: P, scored: Scored) => score(params, scored).logp, { device })
  return async (params: P, rollout: Rollout<unknown>): Promise<Float32Array> => {
    const parts = sampledParts(rollout, [...rollout.samples.keys()], microBatch).map(({ tokens, starts }) =>
      logpUnder(params, { tokens, starts }),
    )
    const all = new Float32Array(rollout.samples.length * maxTokens)
    let at = 0
    for (const part of await readEach(device, parts)) {
      all.set(part, at)
      at += part.length
    }
    return all
  }
}
