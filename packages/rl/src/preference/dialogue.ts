/**
 * Preference data as people publish it: a list of dialogues, each with a chosen and a rejected reply, in the ranking format
 * of LLaMA-Factory (ShareGPT's `conversations`, `from`, `value`, with `chosen` and `rejected` beside them).
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { PreferencePair } from './pair.ts'

/** One turn of a dialogue. */
export interface Turn {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** A dialogue, and two replies to it. */
export interface DialoguePreference {
  readonly turns: readonly Turn[]
  readonly chosen: string
  readonly rejected: string
}

/** Where data are not what they should be: a path such as `[3].chosen.value`, and what was expected there. */
export interface MalformedPreferences {
  readonly _tag: 'MalformedPreferences'
  readonly path: string
  readonly expected: string
}

type Decoded<A> = E.Either<MalformedPreferences, A>

const malformed = (path: string, expected: string): Decoded<never> =>
  E.left({ _tag: 'MalformedPreferences', path: path === '' ? 'the data' : path, expected })

const ROLES: ReadonlyMap<unknown, Turn['role']> = new Map([
  ['system', 'system'],
  ['human', 'user'],
  ['gpt', 'assistant'],
])

const list = (path: string, value: unknown): Decoded<readonly unknown[]> =>
  Array.isArray(value) ? E.right(value) : malformed(path, 'a list')

const record = (path: string, value: unknown): Decoded<Readonly<Record<string, unknown>>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? E.right(value as Readonly<Record<string, unknown>>)
    : malformed(path, 'an object')

const each =
  <A>(path: string, decode: (path: string, value: unknown) => Decoded<A>) =>
  (values: readonly unknown[]): Decoded<readonly A[]> =>
    E.traverseArray(([i, value]: readonly [number, unknown]) => decode(`${path}[${i}]`, value))([...values.entries()])

const turn = (path: string, value: unknown): Decoded<Turn> =>
  pipe(
    record(path, value),
    E.flatMap(({ from, value: content }) => {
      const role = ROLES.get(from)
      if (role === undefined) return malformed(`${path}.from`, `one of ${[...ROLES.keys()].join(', ')}`)
      return typeof content === 'string' ? E.right({ role, content }) : malformed(`${path}.value`, 'a text')
    }),
  )

const reply = (path: string, value: unknown): Decoded<string> =>
  pipe(
    turn(path, value),
    E.flatMap(({ role, content }) =>
      role === 'assistant' ? E.right(content) : malformed(`${path}.from`, 'gpt: a reply is the assistant’s'),
    ),
  )

const dialogue = (path: string, value: unknown): Decoded<DialoguePreference> =>
  pipe(
    E.Do,
    E.bind('row', () => record(path, value)),
    E.bind('turns', ({ row }) =>
      pipe(list(`${path}.conversations`, row['conversations']), E.flatMap(each(`${path}.conversations`, turn))),
    ),
    E.bind('chosen', ({ row }) => reply(`${path}.chosen`, row['chosen'])),
    E.bind('rejected', ({ row }) => reply(`${path}.rejected`, row['rejected'])),
    E.map(({ turns, chosen, rejected }) => ({ turns, chosen, rejected })),
  )

/**
 * Reads parsed JSON in LLaMA-Factory's ranking format. Left: the first place where it is something else. Never throws.
 *
 * @example
 * ```ts
 * import { decodePreferences } from '@adjoint/rl'
 * decodePreferences([
 *   { conversations: [{ from: 'human', value: 'Hi' }], chosen: { from: 'gpt', value: 'Hello!' }, rejected: { from: 'gpt', value: 'No.' } },
 * ]) // Right, one dialogue
 * decodePreferences([{}]) // Left: [0].conversations should be a list
 * ```
 */
export const decodePreferences = (value: unknown): E.Either<MalformedPreferences, readonly DialoguePreference[]> =>
  pipe(list('', value), E.flatMap(each('', dialogue)))

/**
 * A pair of what is trained on: the turns rendered as one prompt, the replies as they are.
 *
 * @example
 * ```ts
 * import { pairOfDialogue } from '@adjoint/rl'
 * const pair = pairOfDialogue((turns) => turns.map(({ role, content }) => `${role}: ${content}\n`).join(''))
 * ```
 */
export const pairOfDialogue =
  (render: (turns: readonly Turn[]) => string) =>
  ({ turns, chosen, rejected }: DialoguePreference): PreferencePair => ({ prompt: render(turns), chosen, rejected })
