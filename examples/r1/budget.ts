/** What each student has cost, out of the logs: a comparison is fair where the budgets are alike. */
import type { Json, LogRecord } from '@adjoint/rl'
import type { TableOf } from './outcome.ts'

/** The lines of one stage, by its name without the number. */
export type Stages = Readonly<Record<string, readonly LogRecord[]>>

const numberOf = (value: Json | undefined): number => (typeof value === 'number' ? value : 0)
const steps = (records: readonly LogRecord[] = []): readonly LogRecord[] =>
  records.filter(({ kind }) => kind === 'step')
const sum = (records: readonly LogRecord[], name: string): number =>
  records.reduce((total, record) => total + numberOf(record[name]), 0)
const setting = (records: readonly LogRecord[] = [], name: string): number => numberOf(records[0]?.[name])

/** Completions sampled for a student (by it, or by its teacher), sequences it learned from, and of which set. */
export const budgetTable = (stages: Stages): TableOf => {
  const sft = (name: string, from: string): readonly string[] => [
    name,
    `${sum(steps(stages[from]), 'tried')} by the teacher after its reasoning RL`,
    `${sum(steps(stages[from]), 'kept')}`,
    `${steps(stages[name]).length * setting(stages[name], 'rows')} in ${steps(stages[name]).length} steps`,
  ]
  const rl = steps(stages['student-rl'])
  const batch = setting(stages['student-rl'], 'prompts') * setting(stages['student-rl'], 'group')
  return {
    title: 'What the students of the first seed cost, beside the training of their teacher',
    head: ['', 'completions sampled', 'kept', 'sequences learned from'],
    rows: [
      sft('student-distilled', 'rejection-sampling'),
      [
        'student-rl',
        `${rl.length * batch} by itself`,
        `${rl.length * batch}`,
        `${rl.length * batch} in ${rl.length} steps`,
      ],
      sft('student-unfiltered-sft', 'unfiltered-traces'),
    ],
  }
}
