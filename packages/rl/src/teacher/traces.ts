/**
 * Demonstrations from a teacher: several traces to each of some problems, verified, in the template of our own policy.
 * DeepSeek-R1 distilled into smaller models on such traces (section 2.4) after keeping the correct ones (section 2.3.3);
 * keeping all is the control.
 */
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import pLimit from 'p-limit'
import { optionsOf } from '@adjoint/tensor/ir'
import type { Demonstration } from '../policy/batch.ts'
import type { Text } from '../policy/text.ts'
import type { Task } from '../task/task.ts'
import { verifierOf } from '../task/verify.ts'
import { type ChainOfThought, formatCompletion, lastAnswer, parseCompletion } from '../policy/template.ts'
import type { TeacherError } from './errors.ts'
import type { Teacher, Trace } from './teacher.ts'
import { curriedTwin } from '../or-throw.ts'

/** How to question a teacher. */
export interface TeacherTracesConfig<Problem> {
  readonly task: Task<Problem>
  readonly teacher: Teacher
  /** How the student writes: what it has no tokens for is unreadable. Default: any text can be written. */
  readonly text?: Pick<Text, 'completion'>
  /** Traces of a problem. Default 1. */
  readonly samples?: number
  /** Which to learn from: those with a right answer that ended by themselves, or all that can be read. Default 'right'. */
  readonly keep?: 'right' | 'all'
  /** What the teacher reads; it need not be what the student reads. Default: the task's prompt. */
  readonly question?: (problem: Problem) => string
  /** What the student learns to say. Default: the chain of thought, and the content of the last answer block or else the whole answer. */
  readonly read?: (trace: Trace) => ChainOfThought
  /** Told of each trace or error, as they come. */
  readonly observe?: (done: number, of: number) => void
}

/** What became of a trace: it is wrong where its answer is, or it was cut; unreadable where it cannot be written in the template, or by the student. */
export type Verdict = 'right' | 'wrong' | 'unreadable'

/** A trace, and what became of it. */
export interface JudgedTrace<Problem> {
  readonly problem: Problem
  readonly sample: number
  readonly trace: Trace
  readonly demonstration: Demonstration
  readonly verdict: Verdict
}

/** Traces of the problems, in their order, samples together. */
export interface TeacherTraces<Problem> {
  /** Those kept. */
  readonly demonstrations: readonly Demonstration[]
  /** All that came. */
  readonly judged: readonly JudgedTrace<Problem>[]
  /** Questions without a trace, and why. */
  readonly failures: readonly { readonly problem: Problem; readonly sample: number; readonly error: TeacherError }[]
  /** `asked` = right + wrong + unreadable + failed. */
  readonly counts: {
    readonly asked: number
    readonly kept: number
    readonly right: number
    readonly wrong: number
    readonly unreadable: number
    readonly failed: number
  }
}

const readTrace = ({ think, answer }: Trace): ChainOfThought => ({
  think,
  answer: (lastAnswer(answer) ?? answer).trim(),
})

/** Whether an error is of the whole undertaking: no other question would fare better. */
const endsAll = (error: TeacherError): boolean => {
  switch (error._tag) {
    case 'Aborted':
    case 'CacheFailure':
    case 'NotACache':
      return true
    case 'Refused':
      // 400 and its like may be about one prompt (too long, say); these are about the key, the model or the address.
      return error.status < 400 || [401, 402, 403, 404, 405].includes(error.status)
    case 'GaveUp':
      return false
  }
}

/**
 * Asks the teacher for traces of problems, judges and counts them. A question that fails is counted; one whose failure is
 * that of all (a refused key, an abort, a full disk) ends it, and no further one is asked. Same problems and same replies,
 * same result, in whatever order they came; with a cached teacher an interrupted call goes on where it was.
 *
 * @example
 * ```ts
 * import { formatCompletion, hostKey, mod10Chain, problems, teacherTraces, type Teacher } from '@adjoint/rl'
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * // A teacher that always says 5; endpointTeacher(..) makes one that knows better.
 * const teacher: Teacher = {
 *   settings: { model: 'five', temperature: 0, maxTokens: 1, seed: null, system: null, extra: {} },
 *   concurrency: 1,
 *   ask: () => TE.right({ think: '', answer: '5', text: '5', finishReason: 'stop', usage: null }),
 * }
 * const exam = problems(mod10Chain, 'train', { count: 20 })(hostKey(0))
 * const traced = await teacherTraces({ task: mod10Chain, teacher })(exam)() // Right: about two demonstrations
 * ```
 */
export const teacherTraces = <Problem>(options: TeacherTracesConfig<Problem>) => {
  const {
    task,
    teacher,
    text,
    samples = 1,
    keep = 'right',
    question = task.prompt,
    read = readTrace,
    observe,
  } = optionsOf('teacherTraces', options, {
    task: true,
    teacher: true,
    text: true,
    samples: true,
    keep: true,
    question: true,
    read: true,
    observe: true,
  })
  return (problems: readonly Problem[]): TE.TaskEither<TeacherError, TeacherTraces<Problem>> => {
    const verify = verifierOf(task)
    const judge = (problem: Problem, sample: number, trace: Trace): JudgedTrace<Problem> => {
      const said = read(trace)
      const demonstration = { prompt: task.prompt(problem), completion: formatCompletion(said) }
      const readable =
        E.isRight(parseCompletion(demonstration.completion)) &&
        (text === undefined || E.isRight(text.completion(demonstration.completion)))
      const right = trace.finishReason !== 'length' && verify(problem)(said.answer)
      const verdict = !readable ? 'unreadable' : right ? 'right' : 'wrong'
      return { problem, sample, trace, demonstration, verdict }
    }
    const questions = problems.flatMap((problem) =>
      Array.from({ length: samples }, (_, sample) => ({ problem, sample, prompt: question(problem) })),
    )
    return async () => {
      const limit = pLimit(teacher.concurrency)
      const ended: TeacherError[] = []
      let done = 0
      const replies = await limit.map(questions, async ({ problem, sample, prompt }) => {
        if (ended.length > 0) return null
        const reply = await teacher.ask(prompt, sample)()
        if (E.isLeft(reply) && endsAll(reply.left)) ended.push(reply.left)
        observe?.(++done, questions.length)
        return { problem, sample, reply }
      })
      if (ended[0] !== undefined) return E.left(ended[0])
      const judged: JudgedTrace<Problem>[] = []
      const failures: TeacherTraces<Problem>['failures'][number][] = []
      for (const each of replies) {
        if (each === null) continue
        const { problem, sample, reply } = each
        if (E.isRight(reply)) judged.push(judge(problem, sample, reply.right))
        else failures.push({ problem, sample, error: reply.left })
      }
      const count = (verdict: Verdict): number => judged.filter((j) => j.verdict === verdict).length
      const kept = judged.filter(({ verdict }) => verdict === 'right' || (keep === 'all' && verdict === 'wrong'))
      return E.right({
        demonstrations: kept.map(({ demonstration }) => demonstration),
        judged,
        failures,
        counts: {
          asked: questions.length,
          kept: kept.length,
          right: count('right'),
          wrong: count('wrong'),
          unreadable: count('unreadable'),
          failed: failures.length,
        },
      })
    }
  }
}

/**
 * {@link teacherTraces} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { hostKey, mod10Chain, problems, RlFailure, teacherTracesAsync, type Teacher } from '@adjoint/rl'
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * // A teacher whose endpoint is switched off; endpointTeacher(..) makes one that is there.
 * const teacher: Teacher = {
 *   settings: { model: 'five', temperature: 0, maxTokens: 1, seed: null, system: null, extra: {} },
 *   concurrency: 1,
 *   ask: () => TE.left({ _tag: 'Aborted' }),
 * }
 * const exam = problems(mod10Chain, 'train', { count: 20 })(hostKey(0))
 * const traced = teacherTracesAsync({ task: mod10Chain, teacher })(exam)
 * await traced.catch((thrown) => console.log(thrown instanceof RlFailure && thrown.error)) // { _tag: 'Aborted' }
 * ```
 */
export const teacherTracesAsync = /* @__PURE__ */ curriedTwin(teacherTraces)
