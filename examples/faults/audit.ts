/** What the log of a run must say: every group asked for was learnt from, once, and what was absent counted as absent. */
import { decodeSample, type LogRecord, type SampleRecord } from '@adjoint/rl'
import { separate } from 'fp-ts/lib/ReadonlyArray.js'
import { judgement } from './judge.ts'
import { isOutage, rewardAbsent } from './schedule.ts'
import { correct, grpo } from './setting.ts'

/** What was counted, and all that is wrong (empty: nothing). */
export interface Audit {
  readonly steps: number
  readonly groups: number
  readonly distinct: number
  readonly completions: number
  /** Completions learnt from whose reward is absent: exactly those whose faults say so. */
  readonly absent: number
  /** Groups that were sampled and replaced. */
  readonly replaced: number
  /** The mean reward over the first tenth of the steps and over the last: the run goes on learning. */
  readonly reward: { readonly first: number; readonly last: number }
  readonly wrong: readonly string[]
}

const sumOf = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0)
const meanOf = (xs: readonly number[]): number => sumOf(xs) / xs.length

/** What is wrong with one completion of a group. */
const auditCompletion = (group: SampleRecord, i: number): readonly string[] => {
  const { id, prompt, completions, rewards } = group
  const completion = completions[i]!
  // Absent is null in the log.
  const of = (values: readonly (number | null)[] | null | undefined): number | null => values?.[i] ?? null
  const [right, judged] = [of(rewards['correct']), of(rewards['judge'])]
  const [reward, advantage] = [of(group.totals), of(group.advantages)]
  const verdict = verdictOf(prompt, completion)
  const at = `group ${id}, completion ${i + 1}`
  return [
    ...(right === (rewardAbsent(prompt, completion) ? null : verdict)
      ? []
      : [`${at}: reward correct is ${right}, the task says ${verdict}, absent ${rewardAbsent(prompt, completion)}`]),
    ...(judged === judgement(prompt, completion)
      ? []
      : [`${at}: reward judge is ${judged} for ${judgement(prompt, completion)}`]),
    ...(reward === (right === null || judged === null ? null : right + 0.5 * judged)
      ? []
      : [`${at}: ${right} and ${judged} made ${reward}`]),
    ...(reward !== null || advantage === 0 ? [] : [`${at}: absent, with advantage ${advantage}`]),
  ]
}

/** Whether a completion is right, by the task and no reward. */
const verdictOf = (prompt: string, completion: string): number => {
  const digits = [...prompt.matchAll(/\d/g)].map(([d]) => Number(d))
  const operators = [...prompt.matchAll(/[-+*]/g)].map(([op]) => op as '+' | '-' | '*')
  // An accuracy is a number at once; the length does not enter it.
  return correct({ problem: { digits, operators }, prompt, completion, length: 0, terminated: true })
}

/** Groups of a step that were not kept, of all that were sampled, from the share that was: batches are sampled whole. */
const replacedIn = (share: number): number => {
  for (let sampled: number = grpo.prompts; ; sampled += grpo.prompts) {
    const kept = Math.round(share * sampled)
    if (kept >= grpo.prompts && Math.abs(kept - share * sampled) < 1e-6) return sampled - kept
  }
}

/** Audits the log of a run that was to make `steps` steps of GRPO. */
export const audit = (records: readonly LogRecord[], steps: number): Audit => {
  const made = records.filter((r) => r.kind === 'step' && r.phase === 'grpo')
  const { left: unread, right: groups } = separate(records.filter(({ kind }) => kind === 'sample').map(decodeSample))
  const ids = new Set(groups.map(({ id }) => id))
  const wanted = steps * grpo.prompts
  const rewards = made.map((r) => Number(r['reward']))
  const tenth = Math.max(1, Math.floor(steps / 10))
  const wrong = [
    ...(made.length === steps && made.every((r, i) => r.step === i)
      ? []
      : [`steps ${made.map((r) => r.step).join(' ')} instead of 0 to ${steps - 1}`]),
    ...unread.map((reason) => `a record of a group is none: ${reason}`),
    ...(groups.length === wanted ? [] : [`${groups.length} groups were learnt from, ${wanted} were asked for`]),
    ...(ids.size === groups.length ? [] : [`${groups.length - ids.size} groups were learnt from twice`]),
    ...groups.filter(({ prompt }) => isOutage(prompt)).map(({ id }) => `group ${id}: it has no rewards`),
    ...groups.flatMap((line) => line.completions.flatMap((_, i) => auditCompletion(line, i))),
    ...groups.flatMap(({ id, advantages }) => {
      const known = (advantages ?? []).map((a) => a ?? NaN)
      return Math.abs(sumOf(known)) <= 1e-3 ? [] : [`group ${id}: its advantages ${known.join(' ')} have a mean`]
    }),
  ]
  return {
    steps: made.length,
    groups: groups.length,
    distinct: ids.size,
    completions: sumOf(groups.map(({ completions }) => completions.length)),
    absent: sumOf(groups.map(({ totals }) => (totals ?? []).filter((r) => r === null).length)),
    replaced: sumOf(made.map((r) => replacedIn(Number(r['groups/kept'])))),
    reward: { first: meanOf(rewards.slice(0, tenth)), last: meanOf(rewards.slice(-tenth)) },
    wrong,
  }
}
