/**
 * The order of things on the device. Work whose pipelines are compiled runs at once; work that must wait for a compiler
 * holds back all that comes after it, so that reads, uploads into reused memory and later programs see its effects.
 */
export interface WorkQueue {
  /** Runs `work` after everything before it, and not before `ready` ends (null: it already has). */
  readonly push: (ready: Promise<unknown> | null, work: () => void) => void
}

interface Job {
  readonly ready: Promise<unknown> | null
  readonly work: () => void
}

export const workQueue = (): WorkQueue => {
  const waiting: Job[] = []
  const drain = async (): Promise<void> => {
    for (let job = waiting[0]; job !== undefined; job = waiting[0]) {
      await job.ready
      job.work()
      waiting.shift()
    }
  }
  return {
    push: (ready, work) => {
      if (waiting.length === 0 && ready === null) work()
      else if (waiting.push({ ready, work }) === 1) void drain()
    },
  }
}
