/** The job: the teacher's exams and traces, the vocabulary that they use, and two students, each taught in both ways. */
import {
  huggingFaceTokenizer,
  loadTokenizerFiles,
  type Tokenizer,
  type TokenizerError,
  type TokenizerFiles,
  trimVocabulary,
} from '@adjoint/nn'
import { hostKey, type LogRecord, problems, readLog, type RunError, type Text, tokenizerText } from '@adjoint/rl'
import { type Device, random, realize, tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, deviceFailed, type JobError } from '../cli/example.ts'
import { modelPath } from '../cli/models.ts'
import { message } from '../cli/published.ts'
import { stage } from '../cli/stage.ts'
import { type Row, rowOf } from './examined.ts'
import { type Flags, wrong } from './flags.ts'
import { exam as examTask, type Kind, KINDS, learning, optimizerOf, studentOf } from './setting.ts'
import { byRewards, distilled, type Learning, save, type StudentConfig } from './student.ts'
import { phasesOf, teacherOf, type Traces, tracesIn, widestOf } from './teacher.ts'

/** What the job comes to. */
export interface Finished {
  readonly seed: number
  readonly device: string
  readonly seconds: number
  readonly traces: Traces['counts']
  readonly vocabulary: { readonly teacher: number; readonly students: number }
  readonly table: readonly Row[]
}

/** Questions by which it is known how long they are: those of both parts. */
const asked = [
  ...problems(learning, 'train', { count: 512 })(hostKey(0)),
  ...problems(examTask, 'heldOut', { count: 128, distinct: true })(hostKey(1)),
].map(examTask.prompt)

/** The students' tokens. */
interface Words {
  readonly files: TokenizerFiles
  readonly tokenizer: Tokenizer
  readonly text: Text
  readonly before: number
}

/** Students know no turns: they are asked in plain text. */
const withoutTemplate = ({ template: _, config, ...files }: TokenizerFiles): TokenizerFiles => ({
  ...files,
  config: Object.fromEntries(Object.entries(config ?? {}).filter(([name]) => name !== 'chat_template')),
})

/** The tokens that the questions and the traces use, and those by which any other text is written. */
const wordsOf = (model: string, { traces }: Traces): TE.TaskEither<string, Words> =>
  pipe(
    loadTokenizerFiles({ path: model }),
    TE.map(withoutTemplate),
    TE.flatMapEither((files) =>
      pipe(
        E.Do,
        E.bind('parent', () => huggingFaceTokenizer(files)),
        E.bind('trimmed', () =>
          trimVocabulary({ texts: [...asked, ...traces.map(({ completion }) => completion)] })(files),
        ),
        E.bind('tokenizer', ({ trimmed }) => huggingFaceTokenizer(trimmed.files)),
        E.bind('text', ({ tokenizer }) => tokenizerText({ tokenizer, template: null })),
        E.map(({ parent, trimmed, tokenizer, text }) => ({
          ...{ files: trimmed.files, tokenizer, text, before: parent.size },
        })),
      ),
    ),
    TE.mapLeft((error: TokenizerError) => message(error)),
  )

const logOf = (folder: string, name: string): TE.TaskEither<RunError, readonly LogRecord[]> =>
  readLog(join(folder, name, 'log.jsonl'))

/** Milliseconds of all steps of a stage. */
const timeOf = (folder: string, name: string): TE.TaskEither<RunError, number> =>
  TE.map((times: readonly LogRecord[]) => times.reduce((sum, { total }) => sum + Number(total ?? 0), 0))(
    readLog(join(folder, name, 'times.jsonl')),
  )

/** All stages have run: their names, for charts and times. */
export const STUDENTS = KINDS.flatMap((kind) => [`${kind}-distilled`, `${kind}-rl`] as const)

/** What a student is made of, whichever way it learns. */
interface Lesson {
  readonly given: Flags
  readonly device: Device
  readonly words: Words
  readonly traces: Traces
}

/** Both ways of a student: a name, and what gives its phases and how fast they learn. */
const waysOf = (kind: Kind, { given, device, words: { text, tokenizer }, traces }: Lesson) => {
  const { steps, rows, group, maxTokens, exam, seed, width, layers, learningRate, rlLearningRate } = given
  const promptWidth = widestOf(text, asked)
  const model = studentOf(kind, { width, layers }, tokenizer.size, promptWidth + maxTokens)
  const config: StudentConfig = { device, text, steps, rows, group, maxTokens, promptWidth, exam, seed }
  return [
    {
      name: `${kind}-distilled`,
      model,
      rate: learningRate,
      phases: distilled(config, model, traces.traces, learningRate),
    },
    { name: `${kind}-rl`, model, rate: rlLearningRate, phases: byRewards(config, model, rlLearningRate) },
  ] as const
}

/** All of it. */
export const job = (given: Flags, bench: Bench): TE.TaskEither<JobError, Finished> => {
  const { seed, resume, maxTokens, steps, rows, group, samples, exam, width, layers, learningRate, rlLearningRate } =
    given
  const { device, folder } = bench
  const odd = wrong(given)
  if (odd !== null) return TE.left(odd)
  const found = modelPath(given.model)
  if (E.isLeft(found)) return TE.fromEither(found)
  const path = found.right
  const settings = {
    ...{ task: learning.name, model: path, adapter: given.adapter ?? '', problems: given.problems, maxTokens },
    ...{ samples, group, width, layers, steps, rows, exam, learningRate, rlLearningRate },
  }
  const staged = { example: 'distill', seed, resume, bench, settings }

  const learnt =
    ({ files, tokenizer }: Words) =>
    ({ name, model, rate, phases }: ReturnType<typeof waysOf>[number]): TE.TaskEither<JobError, Row> => {
      // both ways begin with the same weights, each with a copy of its own
      const params = model.init(random.key(seed))
      const start: Learning = { params, opt: optimizerOf(rate, steps).init(params) }
      return pipe(
        TE.mapLeft(deviceFailed)(realize(device)(start)),
        TE.flatMap(stage({ ...staged, checkpointEvery: 25 })<Learning>(name, phases)),
        TE.tap((last) =>
          TE.mapLeft((error: string): JobError => error)(
            save(join(folder, name, 'model'), files, tokenizer.eos[0]!, device)(model, last.params),
          ),
        ),
        TE.flatMap(() => logOf(folder, name)),
        TE.map((log) => rowOf(name, tree.size(start.params), log, 'exam')),
      )
    }

  return pipe(
    taught({ ...given, model: path }, bench, stage({ ...staged, checkpointEvery: 1 })),
    TE.bindTo('teacher'),
    TE.bindW('words', ({ teacher }) => wordsOf(path, teacher.traces)),
    TE.bindW('students', ({ teacher: { traces }, words }) =>
      pipe(
        KINDS,
        // a student's programs are made when its turn comes, and go with it
        TE.traverseSeqArray((kind: Kind) =>
          TE.traverseSeqArray(learnt(words))(waysOf(kind, { given, device, words, traces })),
        ),
      ),
    ),
    TE.bindW('times', () => TE.traverseSeqArray((name: string) => timeOf(folder, name))(['teacher', ...STUDENTS])),
    TE.map(({ teacher, words, students, times }) => ({
      ...{ seed, device: device.kind, seconds: Math.round(times.reduce((sum, ms) => sum + ms, 0) / 1000) },
      traces: teacher.traces.counts,
      vocabulary: { teacher: words.before, students: words.tokenizer.size },
      table: [...teacher.rows, ...students.flat()],
    })),
  )
}

/** The teacher's stage; it is loaded for as long as that takes. Left: nothing that it said was right. */
const taught = (
  { model, adapter, problems: count, samples, maxTokens, exam, seed }: Flags & { readonly model: string },
  { device, folder }: Bench,
  inStage: ReturnType<typeof stage>,
): TE.TaskEither<JobError, { readonly traces: Traces; readonly rows: readonly Row[] }> =>
  pipe(
    teacherOf({ model, adapter, asked, maxTokens, device }),
    TE.tap((teacher) =>
      inStage('teacher', phasesOf(teacher, { device, maxTokens, problems: count, samples, exam, seed }, asked))({}),
    ),
    TE.bindTo('teacher'),
    TE.bindW('log', () => logOf(folder, 'teacher')),
    TE.bindW('traces', ({ log }) => TE.fromEither(tracesIn(log))),
    TE.flatMap(({ teacher: { parameters, base }, log, traces }) => {
      if (traces.traces.length === 0)
        return TE.left<JobError>(
          `none of the ${traces.counts.tried} completions of the teacher was right: there is nothing to learn from. Take a better teacher, or raise --problems`,
        )
      return TE.right({
        traces,
        rows: [
          ...(adapter === null ? [] : [rowOf('base', base, log, 'base')]),
          rowOf('teacher', parameters, log, 'teacher'),
        ],
      })
    }),
  )
