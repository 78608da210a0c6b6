/**
 * A task: seeded problems, their prompts, a verifier of answers, and an oracle's chain of thought for the cold start.
 * Which half of the data a problem belongs to is a property of the problem itself, so no generator, seed or step can
 * leak a held-out problem into training.
 */
import { optionsOf } from '@adjoint/tensor/ir'
import type { ChainOfThought } from '../policy/template.ts'
import { foldIn, type HostKey } from '../run/keys.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Everything the loops need to know of a kind of problem. All fields are pure. */
export interface Task<Problem> {
  readonly name: string
  /** One problem out of the whole space, the same for the same key. */
  readonly generate: (key: HostKey) => Problem
  /** A text that two problems share iff solving one solves the other; it decides the split. */
  readonly identity: (problem: Problem) => string
  /** What the policy reads. */
  readonly prompt: (problem: Problem) => string
  /** Whether the content of an answer block solves the problem. Never throws. */
  readonly verify: (problem: Problem) => (answer: string) => boolean
  /** A chain of thought that solves it; an empty thought where none is known beside the answer. */
  readonly trace: (problem: Problem) => ChainOfThought
  /**
   * The answer that a completion gives, as `verify` takes it; null where it gives none. Default: the content of its last answer
   * block (`lastAnswer`).
   */
  readonly answerIn?: (completion: string) => string | null
  /** Which part a problem belongs to, where the data says so. Default: by a hash of its identity (see `splitOf`). */
  readonly split?: (problem: Problem) => Split
}

/** A task whose prompts and traces are written in few characters, each of them a token. */
export interface CharacterTask<Problem> extends Task<Problem> {
  readonly vocabulary: Vocabulary
}

/** Which part of the problem space: nine tenths are for training, one tenth is held out. */
export type Split = 'train' | 'heldOut'

const HELD_OUT_ONE_IN = 10

/** FNV-1a, 32 bits, then a final avalanche: nearby problems fall on either side. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The split a problem belongs to: what the task says of it, or by a hash of its identity, and of nothing else.
 *
 * @example
 * ```ts
 * import { mod10Chain, hostKey, problem, splitOf } from '@adjoint/rl'
 * splitOf(mod10Chain)(problem(mod10Chain, 'heldOut')(hostKey(1))) // 'heldOut'
 * ```
 */
export const splitOf =
  <Problem>(task: Task<Problem>) =>
  (p: Problem): Split =>
    task.split?.(p) ?? (hash(`${task.name}:${task.identity(p)}`) % HELD_OUT_ONE_IN === 0 ? 'heldOut' : 'train')

const ATTEMPTS = 10_000

/**
 * A problem of one split: the first of the keys `foldIn(key, 0), foldIn(key, 1), ..` whose problem belongs there.
 * Throws where the space has none in that split.
 *
 * @example
 * ```ts
 * import { mod10Chain, hostKey, problem } from '@adjoint/rl'
 * mod10Chain.prompt(problem(mod10Chain, 'train')(hostKey(1))) // five digits and four operators
 * ```
 */
export const problem =
  <Problem>(task: Task<Problem>, split: Split) =>
  (key: HostKey): Problem => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const candidate = task.generate(foldIn(key, attempt))
      if (splitOf(task)(candidate) === split) return candidate
    }
    throw new Error(
      `task ${task.name}: no problem of split ${split} in ${ATTEMPTS} draws. Its space is too small to be split; make it larger.`,
    )
  }

/**
 * `count` problems of one split, the i-th from `foldIn(key, i)`. With `distinct`, no identity twice (for evaluation
 * sets); throws where the space has not that many.
 *
 * @example
 * ```ts
 * import { mod10Chain, hostKey, problems } from '@adjoint/rl'
 * const exam = problems(mod10Chain, 'heldOut', { count: 100, distinct: true })(hostKey(0))
 * ```
 */
export const problems = <Problem>(
  task: Task<Problem>,
  split: Split,
  options: { readonly count: number; readonly distinct?: boolean },
) => {
  const { count, distinct = false } = optionsOf('problems', options, { count: true, distinct: true })
  return (key: HostKey): readonly Problem[] => {
    const seen = new Set<string>()
    const found: Problem[] = []
    for (let i = 0; found.length < count; i++) {
      if (i > ATTEMPTS + 100 * count) {
        throw new Error(
          `task ${task.name}: only ${found.length} distinct problems of split ${split} found, ${count} asked for. Ask for fewer.`,
        )
      }
      const candidate = problem(task, split)(foldIn(key, i))
      const identity = task.identity(candidate)
      if (distinct && seen.has(identity)) continue
      seen.add(identity)
      found.push(candidate)
    }
    return found
  }
}
