/**
 * The order of things on the device. Work whose pipelines are compiled runs at once; work that must wait for a compiler
 * holds back all that comes after it, so that reads, uploads into reused memory and later programs see its effects.
 */
export interface WorkQueue {
  /**
   * Runs `work` after everything before it, and not before `ready` ends (null: it already has), however it ends. Where it
   * gives a promise, what comes later waits for its end. What it throws goes to the queue's owner: the queue goes on.
   */
  readonly push: (ready: Promise<unknown> | null, work: Work) => void
  /** Whether work would run at once. */
  readonly idle: () => boolean
  /** Runs all that waits, now, and waits for nothing that has begun: nothing is worth that when the device is lost. */
  readonly flush: () => void
}

/** It gives a promise where it goes on later. */
type Work = () => unknown

interface Job {
  readonly ready: Promise<unknown> | null
  /** Null for what has begun, and ends when it is `ready`. */
  readonly work: Work | null
}

export const workQueue = (failed: (error: unknown) => void): WorkQueue => {
  let waiting: Job[] = []
  /** Gives what comes later something to wait for, or null. */
  const attempt = (work: Work | null): Promise<unknown> | null => {
    try {
      const rest = work?.()
      return rest instanceof Promise ? rest : null
    } catch (error) {
      failed(error)
      return null
    }
  }
  const drain = async (): Promise<void> => {
    for (let job = waiting[0]; job !== undefined; job = waiting[0]) {
      try {
        await job.ready
      } catch (error) {
        failed(error)
      }
      if (waiting[0] !== job) continue // flushed meanwhile
      const rest = attempt(job.work)
      // Not before it has run: what it pushes comes after it, and after what waits.
      if (waiting[0] !== job) rest?.catch(failed)
      else if (rest === null) waiting.shift()
      else waiting[0] = { ready: rest, work: null }
    }
  }
  return {
    push: (ready, work) => {
      if (waiting.length > 0 || ready !== null) {
        if (waiting.push({ ready, work }) === 1) void drain()
        return
      }
      const rest = attempt(work)
      if (rest === null) return
      waiting.unshift({ ready: rest, work: null }) // before what it pushed itself
      if (waiting.length === 1) void drain()
    },
    idle: () => waiting.length === 0,
    flush: () => {
      const jobs = waiting
      waiting = []
      jobs.forEach((job) => void attempt(job.work)?.catch(failed))
    },
  }
}
