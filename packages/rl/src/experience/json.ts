/** Experience as a line of a log, and back: what a file of rollouts and the state of a replay buffer are made of. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { RunError } from '../run/errors.ts'
import { type Json, readLog } from '../run/log.ts'
import {
  count,
  type Decode,
  type Decoded,
  ifThere,
  listOf,
  mapped,
  number,
  oneOf,
  orNaN,
  orNull,
  pairOf,
  structOf,
  text,
  truth,
} from '../run/decode.ts'
import type { Breakdown } from '../reward/named.ts'
import type { Sample } from '../reward/sample.ts'
import type { Experience, StepReward } from './experience.ts'
import { curriedTwin } from '../or-throw.ts'

/** Absent rewards are NaN here, and null in JSON. */
const absentAsNull = (x: number): Json => (Number.isNaN(x) ? null : x)

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
      total: absentAsNull(total),
      parts: Object.entries(parts).map(([name, x]) => [name, absentAsNull(x)]),
      ...(absent === undefined ? {} : { absent: Object.entries(absent) }),
    })),
    steps: e.steps?.map((row) => row.map(({ end, reward }) => ({ end, reward: absentAsNull(reward) }))) ?? null,
    ids: [...e.ids],
    versions: [...e.versions],
  })

const integers = (of: Decode<readonly number[]>) => mapped(of, (all) => Int32Array.from(all))
const floats = (of: Decode<readonly number[]>) => mapped(of, (all) => Float32Array.from(all))

const sampleOf = <Problem>(problem: Decode<Problem>): Decode<Sample<Problem>> =>
  structOf({ problem, prompt: text, completion: text, length: count, terminated: truth })

/** Names in a list, for their order is that of the rewards: an object would put those that are numbers first. */
const byName = <A>(decode: Decode<A>): Decode<Readonly<Record<string, A>>> =>
  mapped(listOf(pairOf(decode)), (pairs) => Object.fromEntries<A>(pairs))

const breakdown: Decode<Breakdown> = mapped(
  structOf({ total: orNaN, parts: byName(orNaN), absent: ifThere(byName(text)) }),
  ({ absent, ...whole }) => (absent === null ? whole : { ...whole, absent }),
)

const experienceOf = <Problem>(problem: Decode<Problem>): Decode<Experience<Problem>> =>
  structOf({
    group: count,
    width: count,
    tokens: integers(listOf(count)),
    starts: orNull(integers(listOf(count))),
    mask: floats(listOf(oneOf(0, 1))),
    samplerLogp: floats(listOf(number)),
    samples: listOf(sampleOf(problem)),
    breakdowns: listOf(breakdown),
    steps: orNull(listOf(listOf(structOf<StepReward>({ end: count, reward: orNaN })))),
    ids: listOf(text),
    versions: listOf(count),
  })

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
 * decode({}) // Left: 'experience.group is not a whole number of 0 or more'
 * ```
 */
export const experienceFromJson =
  <Problem>(problem: (x: unknown) => E.Either<string, Problem>) =>
  (x: unknown): E.Either<string, Experience<Problem>> =>
    E.flatMap(demandSizes<Problem>)(experienceOf(problem)(x, 'experience'))

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

/**
 * {@link readExperiences} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { readExperiencesAsync, RlFailure } from '@adjoint/rl'
 * import * as E from 'fp-ts/lib/Either.js'
 * const read = readExperiencesAsync((x) => (typeof x === 'string' ? E.right(x) : E.left('a problem is no text')))
 * await read('no/such/file.jsonl').catch((thrown) => console.log(thrown instanceof RlFailure && thrown.error)) // FileFailure
 * ```
 */
export const readExperiencesAsync = /* @__PURE__ */ curriedTwin(readExperiences)
