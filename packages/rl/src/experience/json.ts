/** Experience as a line of a log, and back: what a file of rollouts and the state of a replay buffer are made of. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { RunError } from '../run/errors.ts'
import { type Json, readLog } from '../run/log.ts'
import type { Breakdown } from '../reward/named.ts'
import type { Sample } from '../reward/reward.ts'
import type { Experience, StepReward } from './experience.ts'

/** Absent rewards are NaN here, and null in JSON. */
const number = (x: number): Json => (Number.isNaN(x) ? null : x)

/**
 * Experience as plain data, exact to the bit; `problem` writes a problem of the task (tasks whose problems are plain data
 * give it back as it is).
 *
 * @example
 * ```ts
 * import { type Experience, experienceToJson } from '@adjoint/rl'
 * const line = (experience: Experience<string>) => experienceToJson<string>((problem) => problem)(experience)
 * ```
 */
export const experienceToJson =
  <Problem>(problem: (p: Problem) => Json) =>
  (e: Experience<Problem>): { readonly [key: string]: Json } => ({
    group: e.group,
    width: e.width,
    tokens: [...e.tokens],
    starts: e.starts === null ? null : [...e.starts],
    mask: [...e.mask],
    samplerLogp: [...e.samplerLogp],
    samples: e.samples.map((s) => ({ ...s, problem: problem(s.problem) })),
    breakdowns: e.breakdowns.map(({ total, parts, absent }) => ({
      total: number(total),
      parts: Object.entries(parts).map(([name, x]) => [name, number(x)]),
      ...(absent === undefined ? {} : { absent: Object.entries(absent) }),
    })),
    steps: e.steps?.map((row) => row.map(({ end, reward }) => ({ end, reward: number(reward) }))) ?? null,
    ids: [...e.ids],
    versions: [...e.versions],
  })

type Fields = Readonly<Record<string, unknown>>
type Decoded<A> = E.Either<string, A>
type Decode<A> = (x: unknown, at: string) => Decoded<A>

const wrong = (at: string, what: string): E.Left<string> => ({ _tag: 'Left', left: `${at} is not ${what}` })
const fieldsOf: Decode<Fields> = (x, at) =>
  typeof x === 'object' && x !== null && !Array.isArray(x) ? E.right(x as Fields) : wrong(at, 'an object')
const isNumber: Decode<number> = (x, at) =>
  typeof x === 'number' && Number.isFinite(x) ? E.right(x) : wrong(at, 'a number')
const isCount: Decode<number> = (x, at) =>
  typeof x === 'number' && Number.isInteger(x) && x >= 0 ? E.right(x) : wrong(at, 'a whole number of 0 or more')
const isMask: Decode<number> = (x, at) => (x === 0 || x === 1 ? E.right(x) : wrong(at, '0 or 1'))
const isText: Decode<string> = (x, at) => (typeof x === 'string' ? E.right(x) : wrong(at, 'a text'))
const isTruth: Decode<boolean> = (x, at) => (typeof x === 'boolean' ? E.right(x) : wrong(at, 'true or false'))
const orNaN: Decode<number> = (x, at) => (x === null ? E.right(NaN) : isNumber(x, at))
const listOf =
  <A>(decode: Decode<A>): Decode<readonly A[]> =>
  (x, at) =>
    Array.isArray(x) ? E.traverseArrayWithIndex((i, y: unknown) => decode(y, `${at}[${i}]`))(x) : wrong(at, 'a list')
const orNull =
  <A>(decode: Decode<A>): Decode<A | null> =>
  (x, at) =>
    x === null ? E.right(null) : decode(x, at)

const sampleOf =
  <Problem>(problem: (x: unknown) => Decoded<Problem>): Decode<Sample<Problem>> =>
  (x, at) =>
    pipe(
      fieldsOf(x, at),
      E.flatMap((f) =>
        pipe(
          E.Do,
          E.bind('problem', () => problem(f['problem'])),
          E.bind('prompt', () => isText(f['prompt'], `${at}.prompt`)),
          E.bind('completion', () => isText(f['completion'], `${at}.completion`)),
          E.bind('length', () => isCount(f['length'], `${at}.length`)),
          E.bind('terminated', () => isTruth(f['terminated'], `${at}.terminated`)),
        ),
      ),
    )

const pairOf =
  <A>(decode: Decode<A>): Decode<readonly [string, A]> =>
  (x, at) =>
    Array.isArray(x) && x.length === 2
      ? pipe(
          isText(x[0], at),
          E.flatMap((name) => E.map((value: A) => [name, value] as const)(decode(x[1], at))),
        )
      : wrong(at, 'a name and what belongs to it')
const recordOf =
  <A>(decode: Decode<A>): Decode<Readonly<Record<string, A>>> =>
  (x, at) =>
    E.map((pairs: readonly (readonly [string, A])[]) => Object.fromEntries<A>(pairs))(listOf(pairOf(decode))(x, at))

const breakdownOf: Decode<Breakdown> = (x, at) =>
  pipe(
    fieldsOf(x, at),
    E.flatMap((f) =>
      pipe(
        E.Do,
        E.bind('total', () => orNaN(f['total'], `${at}.total`)),
        E.bind('parts', () => recordOf(orNaN)(f['parts'], `${at}.parts`)),
        E.bind('absent', () => orNull(recordOf(isText))(f['absent'] ?? null, `${at}.absent`)),
        E.map(({ absent, ...whole }) => (absent === null ? whole : { ...whole, absent })),
      ),
    ),
  )

const stepOf: Decode<StepReward> = (x, at) =>
  pipe(
    fieldsOf(x, at),
    E.flatMap((f) =>
      pipe(
        E.Do,
        E.bind('end', () => isCount(f['end'], `${at}.end`)),
        E.bind('reward', () => orNaN(f['reward'], `${at}.reward`)),
      ),
    ),
  )

/** The rows and columns of all fields agree: experience that does not would be learnt from as something else. */
const demandSizes = <Problem>(e: Experience<Problem>): Decoded<Experience<Problem>> => {
  const rows = e.samples.length
  const groups = rows / e.group
  const columns = e.mask.length / Math.max(1, rows)
  const sizes: readonly (readonly [string, number, number])[] = [
    ['tokens', e.tokens.length, rows * (e.width + columns)],
    ['samplerLogp', e.samplerLogp.length, rows * columns],
    ['starts', e.starts?.length ?? rows, rows],
    ['breakdowns', e.breakdowns.length, rows],
    ['steps', e.steps?.length ?? rows, rows],
    ['ids', e.ids.length, groups],
    ['versions', e.versions.length, groups],
  ]
  const bad = sizes.find(([, has, needs]) => has !== needs)
  if (bad !== undefined) return E.left(`${bad[0]} has ${bad[1]} elements where ${bad[2]} belong`)
  const long = e.samples.findIndex(({ length }) => length > columns)
  if (long >= 0) return E.left(`samples[${long}] has ${e.samples[long]!.length} tokens in ${columns} columns`)
  const late = e.starts?.findIndex((start) => start >= e.width) ?? -1
  return late >= 0 ? E.left(`row ${late} starts after its prompt, at column ${e.starts![late]}`) : E.right(e)
}

/**
 * The inverse of {@link experienceToJson}. Left: what is wrong with the first field that is.
 *
 * @example
 * ```ts
 * import { experienceFromJson } from '@adjoint/rl'
 * import * as E from 'fp-ts/lib/Either.js'
 * const decode = experienceFromJson((x) => (typeof x === 'string' ? E.right(x) : E.left('a problem is no text')))
 * decode({}) // Left: 'experience.group is not a number'
 * ```
 */
export const experienceFromJson =
  <Problem>(problem: (x: unknown) => E.Either<string, Problem>) =>
  (x: unknown): E.Either<string, Experience<Problem>> =>
    pipe(
      fieldsOf(x, 'experience'),
      E.flatMap((f) => {
        const field = <A>(name: string, decode: Decode<A>): Decoded<A> => decode(f[name], `experience.${name}`)
        const floats = (name: string, decode: Decode<number>): Decoded<Float32Array> =>
          E.map((all: readonly number[]) => Float32Array.from(all))(field(name, listOf(decode)))
        const integers = (all: readonly number[]): Int32Array => Int32Array.from(all)
        return pipe(
          E.Do,
          E.bind('group', () => field('group', isCount)),
          E.bind('width', () => field('width', isCount)),
          E.bind('tokens', () => E.map(integers)(field('tokens', listOf(isCount)))),
          E.bind('starts', () =>
            E.map((all: readonly number[] | null) => (all === null ? null : integers(all)))(
              field('starts', orNull(listOf(isCount))),
            ),
          ),
          E.bind('mask', () => floats('mask', isMask)),
          E.bind('samplerLogp', () => floats('samplerLogp', isNumber)),
          E.bind('samples', () => field('samples', listOf(sampleOf(problem)))),
          E.bind('breakdowns', () => field('breakdowns', listOf(breakdownOf))),
          E.bind('steps', () => field('steps', orNull(listOf(listOf(stepOf))))),
          E.bind('ids', () => field('ids', listOf(isText))),
          E.bind('versions', () => field('versions', listOf(isCount))),
        )
      }),
      E.flatMap(demandSizes),
    )

/**
 * The experience in a file of lines of kind 'experience', in their order. Left: FileFailure, CorruptCheckpoint where a line is
 * no experience.
 *
 * @example
 * ```ts
 * import { readExperiences } from '@adjoint/rl'
 * import * as E from 'fp-ts/lib/Either.js'
 * const read = readExperiences((x) => (typeof x === 'string' ? E.right(x) : E.left('a problem is no text')))
 * const batches = await read('no/such/file.jsonl')() // Left: FileFailure
 * ```
 */
export const readExperiences =
  <Problem>(problem: (x: unknown) => E.Either<string, Problem>) =>
  (path: string): TE.TaskEither<RunError, readonly Experience<Problem>[]> =>
    pipe(
      readLog(path),
      TE.flatMap((records) =>
        pipe(
          records.filter(({ kind }) => kind === 'experience'),
          E.traverseArray(experienceFromJson(problem)),
          E.mapLeft((reason): RunError => ({ _tag: 'CorruptCheckpoint', path, reason })),
          TE.fromEither,
        ),
      ),
    )
