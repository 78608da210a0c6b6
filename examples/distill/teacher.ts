/** The teacher: a published model with an adapter of `grpo`, or as it is; its exam, that of its base, and its traces. */
import { type Adapter, gpt2Modules, llamaModules, loadAdapter, lora, projections } from '@adjoint/nn'
import {
  type ChainSum,
  decodeSample,
  type Demonstration,
  hostKey,
  type Kept,
  type LogitPolicy,
  type LogRecord,
  type Phase,
  policyThrough,
  rejectionBatches,
  type Sample,
  sampleRecord,
  type Text,
} from '@adjoint/rl'
import { type Device, realize, tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { group } from 'fp-ts/lib/ReadonlyNonEmptyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { deviceFailed, type JobError } from '../cli/example.ts'
import { message, publishedPolicy } from '../cli/published.ts'
import { phase } from '../cli/stage.ts'
import { examining, type Lines } from './examined.ts'
import { accept, learning } from './setting.ts'

/** Where it is, and what it is asked. */
export interface TeacherConfig {
  readonly model: string
  /** A folder of PEFT's; null: the model itself teaches. */
  readonly adapter: string | null
  readonly asked: readonly string[]
  readonly maxTokens: number
  readonly device: Device
}

/** A policy of adapters, and that which makes it the teacher; without one it is its base. */
export interface Teacher {
  readonly policy: LogitPolicy<Adapter>
  readonly adapter: Adapter
  /** Of the model, and with the adapter. */
  readonly base: number
  readonly parameters: number
}

/** Loads it. Left: why it cannot be, in a sentence. */
export const teacherOf = ({ model, adapter: path, ...asked }: TeacherConfig): TE.TaskEither<JobError, Teacher> =>
  pipe(
    publishedPolicy({ path: model, ...asked }),
    TE.flatMap(({ base, policy, config, architecture }): TE.TaskEither<JobError, Teacher> => {
      const size = tree.size(base)
      if (path === null) {
        const none = lora({ rank: 1, targets: [], split: projections(config) })
        return TE.right({
          policy: policyThrough((a: Adapter) => none.adapt(base, a), policy),
          adapter: {},
          ...{ base: size, parameters: size },
        })
      }
      const modules = architecture === 'gpt2' ? gpt2Modules : llamaModules
      return pipe(
        loadAdapter({ path, split: projections(config), modules })(base),
        TE.mapLeft((error): JobError => message(error)),
        TE.bindW('own', ({ adapter }) => TE.mapLeft(deviceFailed)(realize(asked.device)(adapter))),
        TE.map(({ config: kind, own }) => {
          const { adapt } = lora(kind)
          return {
            policy: policyThrough((a: Adapter) => adapt(base, a), policy),
            adapter: own,
            base: size,
            parameters: size + tree.size(own),
          }
        }),
      )
    }),
  )

/** How much of it is asked. */
export interface TracesConfig {
  readonly device: Device
  readonly maxTokens: number
  /** Training problems, all distinct, and completions to each. */
  readonly problems: number
  readonly samples: number
  /** Held-out problems of the exams. */
  readonly exam: number
  readonly seed: number
}

/** Columns of the longest prompt: then one program serves all batches. */
export const widestOf = ({ prompt }: Pick<Text, 'prompt'>, asked: readonly string[]): number =>
  asked.reduce((most, question) => {
    const ids = prompt(question)
    return Math.max(most, E.isRight(ids) ? ids.right.length : 0)
  }, 0)

/** Nothing of the teacher is trained. */
type None = Readonly<Record<string, never>>

/** What becomes of completions: of all that were tried, those are kept that are none of the last three. */
type Outcome = 'problems' | 'solved' | 'tried' | 'kept' | 'wrong' | 'cut' | 'duplicate'

const bySamePrompt = group<Sample<ChainSum>>({ equals: (a, b) => a.prompt === b.prompt })

/** Completions that are drawn at once. */
const ROWS = 64

/** The phases of the teacher: the exam of its base, its own, and its traces. */
export const phasesOf = (
  { policy, adapter }: Teacher,
  { device, maxTokens, problems, samples, exam, seed }: TracesConfig,
  asked: readonly string[],
): readonly Phase<None>[] => {
  const drawing = { policy, maxTokens, temperature: 1, promptWidth: widestOf(policy.text, asked), device } as const
  const sit = examining({ ...drawing, count: exam, rows: ROWS, shown: 4 })
  const { batches, batch } = rejectionBatches({
    ...{ ...drawing, task: learning, count: problems, group: samples, accept },
    batch: Math.max(1, Math.floor(ROWS / samples)),
  })
  const record = sampleRecord(learning)
  const examined = (name: string, params: Adapter): Phase<None> =>
    phase(name, 1, (state) => TE.map((records: Lines) => ({ state, metrics: {}, records }))(sit(params)))
  return [
    examined('base', {}),
    examined('teacher', adapter),
    phase('traces', batches, (state, { step }) =>
      TE.map(({ samples: kept, report: { rejected, ...counts } }: Kept<ChainSum>) => ({
        state,
        metrics: {
          ...counts,
          ...{ wrong: rejected['correct'] ?? 0, cut: rejected['cut'] ?? 0, duplicate: rejected['duplicate'] ?? 0 },
        },
        records: bySamePrompt(kept).map((members) => record(members.map((sample) => ({ sample })))),
      }))(batch(adapter, hostKey(seed), step)),
    ),
  ]
}

/** Traces to learn from, and what became of all that was drawn. */
export interface Traces {
  readonly traces: readonly Demonstration[]
  readonly counts: Readonly<Record<Outcome, number>>
}

/** What the log of these phases has kept. Left: a line of completions that cannot be read, and why. */
export const tracesIn = (log: readonly LogRecord[]): E.Either<string, Traces> => {
  const lines = log.filter(({ phase: name }) => name === 'traces')
  const total = (name: Outcome): number =>
    lines.reduce((sum, line) => (line.kind === 'step' ? sum + Number(line[name] ?? 0) : sum), 0)
  const counts: Traces['counts'] = {
    ...{ problems: total('problems'), solved: total('solved'), tried: total('tried'), kept: total('kept') },
    ...{ wrong: total('wrong'), cut: total('cut'), duplicate: total('duplicate') },
  }
  return pipe(
    lines.filter(({ kind }) => kind === 'sample'),
    E.traverseArray((line) =>
      pipe(
        decodeSample(line),
        E.mapLeft((why) => `the log's completions of step ${line.step} cannot be read: ${why}`),
      ),
    ),
    E.map((samples) => ({
      counts,
      traces: samples.flatMap(({ prompt, completions }) => completions.map((completion) => ({ prompt, completion }))),
    })),
  )
}
