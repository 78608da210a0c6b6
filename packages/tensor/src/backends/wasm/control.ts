/**
 * The words that threads share beside the device's memory: the job at hand, who works on it, and what becomes of each thread. A job is
 * one kernel over its units of work, and there is one at a time.
 *
 *     state   epoch, a bit while the job is open, and how many others are at work on it
 *
 * A worker joins by counting itself in while the job is open: from then on what describes the job stays as it is, until it counts
 * itself out. Who calls closes the job when no unit is left, and waits for those at work, never for those that sleep.
 */
export const OPEN = 256
/** Of the state: the workers at work. */
export const ACTIVE = 255
export const EPOCH = 512

/** Threads beside the one that calls. */
export const MOST_WORKERS = 127
export const MOST_ARGUMENTS = 128
export const MOST_LETTERS = 240

/** What becomes of a worker. It goes from LIVE to ENDED by itself, and from QUIT; its place is free again then. */
export const FREE = 0
export const STARTING = 1
export const LIVE = 2
export const QUIT = 3
export const ENDED = 4

/** Where each word is. What is written while a job runs has a cache line of its own. */
export const AT = {
  state: 0,
  /** The next unit that nobody has taken. */
  next: 16,
  /** Workers that have joined this job so far. */
  joined: 32,
  /** Grows whenever a worker leaves, for the caller to wait on. */
  left: 48,
  asleep: 64,
  /** 0, or the letters of what a kernel threw plus 1. */
  failed: 65,
  kernel: 80,
  units: 81,
  /** Units that are taken at once. */
  chunk: 82,
  /** Most threads, the caller included: there is scratch for so many. */
  threads: 83,
  /** Bytes from one thread's scratch to the next. */
  stride: 84,
  /** Arguments: lo, hi, where each buffer begins, and scratch. */
  count: 85,
  arguments: 96,
  letters: 96 + MOST_ARGUMENTS,
  life: 96 + MOST_ARGUMENTS + MOST_LETTERS,
  /** Messages sent to each worker. */
  mail: 96 + MOST_ARGUMENTS + MOST_LETTERS + MOST_WORKERS,
} as const

export const WORDS = AT.mail + MOST_WORKERS
