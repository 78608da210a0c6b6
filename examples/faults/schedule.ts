/**
 * Which faults happen. Whether a reward is absent in the end follows from the text that is judged alone, and neither from
 * the clock nor from what was asked before: a run under these faults has one log, whenever it is killed.
 */
import { createHash } from 'node:crypto'

/** Uniform in [0, 1), the same for the same texts. */
const chance = (...texts: readonly (string | number)[]): number =>
  createHash('sha256').update(JSON.stringify(texts)).digest().readUInt32BE(0) / 2 ** 32

/** What an attempt of the reward on this machine does instead of answering. */
export type RewardFault = 'fails' | 'hangs'

/**
 * 5 % fail and 1 % hang. Half of either will pass: that attempt meets it, the next one may not. The other half will not:
 * the text itself does it, and its reward is absent.
 */
export const rewardFault = (prompt: string, completion: string, attempt: number): RewardFault | null => {
  const of = (u: number): RewardFault | null => (u < 0.025 ? 'fails' : u < 0.03 ? 'hangs' : null)
  return of(chance('text', prompt, completion)) ?? of(chance('attempt', prompt, completion, attempt))
}

/** Attempts after the first. */
export const REWARD_RETRIES = 1

/** Whether that reward is absent: all of its attempts meet a fault. */
export const rewardAbsent = (prompt: string, completion: string): boolean =>
  Array.from({ length: REWARD_RETRIES + 1 }, (_, attempt) => rewardFault(prompt, completion, attempt)).every(
    (fault) => fault !== null,
  )

/** For one prompt in a hundred the endpoint is down: the judge is absent for all its completions, and the group is replaced. */
export const isOutage = (prompt: string): boolean => chance('outage', prompt) < 0.01

/** What the endpoint does instead of answering. */
export const ENDPOINT_FAULTS = ['429', '500', 'garbage', 'invalid JSON', 'broken stream', 'cut stream'] as const
export type EndpointFault = (typeof ENDPOINT_FAULTS)[number]

/** Of all requests, one in four meets one of these. */
export const endpointFault = (request: number): EndpointFault | null => {
  const u = chance('endpoint', request)
  return u < 0.25 ? ENDPOINT_FAULTS[Math.floor((u / 0.25) * ENDPOINT_FAULTS.length)]! : null
}

/** Attempts after the first; the endpoint never fails a question more often than that in a row, unless it is down. */
export const JUDGE_RETRIES = 3
