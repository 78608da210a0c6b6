/** Running the worker to its end, through as many kills as are asked for. */
import { dice, type HostKey, type Progress } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { WorkerTask } from './worker.ts'

/** When to kill: some ms after the worker told of its step number `step` (counted over all phases). */
export interface Kill {
  readonly step: number
  readonly delay: number
}

/** `count` kills at moments that follow from the key: each in its own part of the run, within or between steps. */
export const killsOf = (count: number, steps: number, key: HostKey): readonly Kill[] => {
  const roll = dice(key)
  const part = Math.floor((0.95 * steps) / Math.max(1, count))
  return Array.from({ length: count }, (_, i) => ({ step: i * part + 1 + roll(part), delay: roll(60) }))
}

/** How one process ended: by itself, or by the kill, at a step. */
interface Lived {
  readonly killed: boolean
  readonly last: number
}

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url))

const live = (
  task: WorkerTask,
  kill: Kill | undefined,
  done: (progress: Progress) => number,
): Promise<E.Either<string, Lived>> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [WORKER, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let last = 0
    let stderr = ''
    let timer: NodeJS.Timeout | null = null
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    createInterface({ input: child.stdout }).on('line', (line) => {
      // The last line may be torn by the kill.
      const progress = E.tryCatch(
        () => JSON.parse(line) as Progress,
        () => null,
      )
      if (E.isLeft(progress)) return
      last = done(progress.right)
      if (kill !== undefined && timer === null && last >= kill.step)
        timer = setTimeout(() => child.kill('SIGKILL'), kill.delay)
    })
    child.on('close', (code, signal) => {
      if (timer !== null) clearTimeout(timer)
      if (signal === 'SIGKILL') resolve(E.right({ killed: true, last }))
      else if (code === 0) resolve(E.right({ killed: false, last }))
      else resolve(E.left(`the worker ended with code ${code ?? signal ?? 'none'}: ${stderr.trim()}`))
    })
  })

/** Where a process was killed, in steps over all phases. */
export type Killed = readonly number[]

/**
 * The run of `task`, killed by SIGKILL and resumed after each; gives the steps at which it was killed. Left where a worker
 * failed, or ended before it could be killed. `done` turns its progress into steps over all phases.
 */
export const runThrough =
  (task: WorkerTask, kills: readonly Kill[], done: (progress: Progress) => number): TE.TaskEither<string, Killed> =>
  async () => {
    const killed: number[] = []
    for (let i = 0; i <= kills.length; i++) {
      const lived = await live({ ...task, resume: task.resume || i > 0 }, kills[i], done)
      if (E.isLeft(lived)) return lived
      if (lived.right.killed !== i < kills.length)
        return E.left(
          lived.right.killed
            ? 'the worker was killed by another hand'
            : `the worker ended before its kill number ${i + 1}; ask for more steps`,
        )
      if (lived.right.killed) killed.push(lived.right.last)
    }
    return E.right(killed)
  }
