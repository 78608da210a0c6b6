/** Asking a task's verifier. */
import { blamed, glimpse, verdict } from '../reward/mistake.ts'
import type { Task } from './task.ts'

const ADVICE = 'A verifier says true or false of any text, at once. Mend it.'

/**
 * @internal The verifier of a task. What it throws, and an answer that is neither true nor false (a promise would count as
 * true), is thrown with the name of the task and a glimpse of what was asked.
 */
export const verifierOf =
  <Problem>(task: Pick<Task<Problem>, 'name' | 'verify' | 'prompt'>) =>
  (problem: Problem) =>
  (answer: string): boolean => {
    try {
      return verdict(task.verify(problem)(answer))
    } catch (thrown) {
      const where = `the answer ${glimpse(answer)} to ${glimpse(task.prompt(problem))}`
      throw blamed(`the verifier of task ${glimpse(task.name)}`, where, ADVICE, thrown)
    }
  }
