/** Test support: a run that counts, slowly enough to be killed on the way. */
import { setTimeout as sleep } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import { describeError } from './errors.ts'
import { type Resume, run } from './run.ts'
import { dataState } from './state.ts'

/** Counts to `steps` in a folder; `observe` is told of each step. */
export const counting = (folder: string, steps: number, resume: Resume, observe: () => void = () => undefined) =>
  run<number, number>({
    folder,
    seed: 0,
    phases: [
      {
        name: 'count',
        steps,
        enter: (n) => n,
        advance: (n) => async () => {
          await sleep(2)
          return E.right({ state: n + 1, metrics: { n } })
        },
      },
    ],
    checkpointEvery: 3,
    settings: { counts: true },
    codec: dataState((data) => (typeof data === 'number' ? E.right(data) : E.left('it is no number'))),
    observe,
  })(0, { resume })

/** Counts until it is killed, and says on stdout that it has begun, or why it has not. */
export const countForever = async (folder: string): Promise<void> => {
  let begun = false
  const ended = await counting(folder, 1e6, 'where begun', () => {
    if (!begun) process.stdout.write('begun\n')
    begun = true
  })()
  process.stdout.write(`${E.isLeft(ended) ? describeError(ended.left) : 'ended'}\n`)
}
