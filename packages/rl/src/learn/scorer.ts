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

/**
 * @internal `(params, experience) -> [rows of the first groups, N]`, nats: the entropy of the distribution that each of their tokens
 * was drawn from, or null of no groups.
 */
export const entropies = <P extends Tree>(
  { policy, maxTokens, temperature, microBatch, device }: ScorerConfig<P>,
  groups: number,
) => {
  const score = policy.score({ completion: maxTokens, temperature })
  const entropyUnder = jit((params: P, scored: Scored) => score(params, scored).entropy, { device })
  return async (params: P, rollout: Rollout<unknown>): Promise<Float32Array | null> => {
    const rows = [...rollout.samples.keys()].slice(0, groups * rollout.group)
    if (rows.length === 0) return null
    const parts = sampledParts(rollout, rows, microBatch).map(({ tokens, starts }) =>
      entropyUnder(params, { tokens, starts }),
    )
    const all = new Float32Array(rows.length * maxTokens)
    let at = 0
    for (const part of await readEach(device, parts)) {
      all.set(part, at)
      at += part.length
    }
    return all
  }
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
