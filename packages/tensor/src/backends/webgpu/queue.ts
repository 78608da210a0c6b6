/**
 * The order of things on the device. Work whose pipelines are compiled runs at once; work that must wait for a compiler
 * holds back all that comes after it, so that reads, uploads into reused memory and later programs see its effects.
 */
export interface WorkQueue {
  /**
   * Runs `work` after everything before it, and not before `ready` ends (null: it already has), however it ends. What
   * `work` throws goes to the queue's owner: the queue goes on.
   */
  readonly push: (ready: Promise<unknown> | null, work: () => void) => void
  /** Whether work would run at once. */
  readonly idle: () => boolean
  /** Runs all that waits, now: nothing is worth waiting for when the device is lost. */
  readonly flush: () => void
}

interface Job {
  readonly ready: Promise<unknown> | null
  readonly work: () => void
}

export const workQueue = (failed: (error: unknown) => void): WorkQueue => {
  let waiting: Job[] = []
  const attempt = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      failed(error)
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
      attempt(job.work)
      // Not before it has run: what it pushes comes after it, and after what waits.
      if (waiting[0] === job) waiting.shift()
    }
  }
  return {
    push: (ready, work) => {
      if (waiting.length === 0 && ready === null) attempt(work)
      else if (waiting.push({ ready, work }) === 1) void drain()
    },
    idle: () => waiting.length === 0,
    flush: () => {
      const jobs = waiting
      waiting = []
      jobs.forEach((job) => attempt(job.work))
    },
  }
}
