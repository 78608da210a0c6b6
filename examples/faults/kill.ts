/** Running the worker to its end, through as many kills as are asked for. */
import { dice, type HostKey, type Progress } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { WorkerTask } from './worker.ts'

/** When to kill: `delay` ms after the worker told of having done the share `done` of its work. */
export interface Kill {
  readonly done: number
  readonly delay: number
}

/** `count` kills at moments that follow from the key: each in its own part of the run, within steps or between them. */
export const killsOf = (count: number, key: HostKey): readonly Kill[] => {
  const roll = dice(key)
  // The last twentieth is left in peace, so that the run has not ended before its kill comes.
  return Array.from({ length: count }, (_, i) => ({ done: (0.95 * (i + roll(1000) / 1000)) / count, delay: roll(60) }))
}

/** Where a process was when it was killed: the last step that it told of. */
export interface Killed {
  readonly phase: string
  readonly step: number
}

/** How one process ended: by itself, or by the kill. */
interface Lived {
  readonly killed: boolean
  readonly last: Killed
}

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url))

const live = (
  task: WorkerTask,
  kill: Kill | undefined,
  done: (progress: Progress) => number,
): Promise<E.Either<string, Lived>> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [WORKER, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let last: Killed = { phase: '', step: 0 }
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
      const { phase, step } = progress.right
      last = { phase, step }
      if (kill !== undefined && timer === null && done(progress.right) >= kill.done)
        timer = setTimeout(() => child.kill('SIGKILL'), kill.delay)
    })
    child.on('close', (code, signal) => {
      if (timer !== null) clearTimeout(timer)
      if (signal === 'SIGKILL') resolve(E.right({ killed: true, last }))
      else if (code === 0) resolve(E.right({ killed: false, last }))
      else resolve(E.left(`the worker ended with code ${code ?? signal ?? 'none'}: ${stderr.trim()}`))
    })
  })

/**
 * The run of `task`, killed by SIGKILL and resumed after each; says where it was killed. Left where a worker
 * failed, or ended before it could be killed. `done` is the share of the work that its progress is.
 */
export const runThrough =
  (
    task: WorkerTask,
    kills: readonly Kill[],
    done: (progress: Progress) => number,
  ): TE.TaskEither<string, readonly Killed[]> =>
  async () => {
    const killed: Killed[] = []
    for (let i = 0; i <= kills.length; i++) {
      const lived = await live({ ...task, resume: i > 0 || task.resume }, kills[i], done)
      if (E.isLeft(lived)) return lived
      const { killed: byKill, last } = lived.right
      if (byKill && i === kills.length) return E.left('the worker was killed by another hand')
      // A run that is gone on with may be nearly done.
      if (!byKill && i < kills.length && !task.resume)
        return E.left(`the worker ended before its kill number ${i + 1}; ask for more steps`)
      if (!byKill) break
      killed.push(last)
    }
    return E.right(killed)
  }
