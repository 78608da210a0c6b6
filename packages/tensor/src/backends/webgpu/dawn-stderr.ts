/**
 * What Dawn writes to the process's standard error, less two lines that say nothing to a user: at its first look at a Vulkan adapter it
 * warns that the adapter has more dynamic buffers than Dawn uses. No option turns them off, and C writes them, past `process.stderr`.
 *
 * Dawn looks within one call, on this thread. For that call file descriptor 2 leads through a process, `sed`, which drops these two
 * lines and hands on every other as it comes, even those of a driver that takes this process down.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { loadForeign } from '../native/foreign.ts'
import type { NativeFunction } from '../native/library.ts'

/** Runs what it is given at once, and gives what that gives. */
export type Hearing = <T>(call: () => T) => T

const LINES = String.raw`/^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced from [0-9]+ to [0-9]+ to fit dynamic offset allocation limit\.$/d`
/** -E: what is between the slashes is read as JavaScript reads it; -u: each line at once. */
const SED = ['-E', '-u', LINES] as const
const PLACES = ['/bin/sed', '/usr/bin/sed']

const STDERR = 2
/** `O_CLOEXEC` of Linux: a process that is started meanwhile does not inherit it, and so does not keep it open. */
const CLOEXEC = 0o2000000

const asItIs: Hearing = (call) => call()

/** Calls of the C library. */
interface Descriptors {
  readonly pipe: NativeFunction
  readonly copy: NativeFunction
  readonly put: NativeFunction
}

/** Null where there is no koffi, or it finds no such functions: that costs no more than the two lines. */
const descriptors = async (): Promise<Descriptors | null> => {
  try {
    const library = (await loadForeign()).load(null)
    return {
      pipe: library.func('pipe2', 'int', ['int *', 'int']),
      copy: library.func('dup', 'int', ['int']),
      put: library.func('dup2', 'int', ['int', 'int']),
    }
  } catch {
    return null
  }
}

/** The process that reads from `from`; null where none may be started, or there is no memory for one. */
const started = (sed: string, from: number): ChildProcess | null => {
  try {
    return spawn(sed, SED, { stdio: [from, STDERR, STDERR] })
  } catch {
    return null // the two lines are heard then
  }
}

/**
 * What leaves the two lines out: on Linux, where Dawn's Vulkan is, and on the main thread, since file descriptor 2 is the process's:
 * two threads at once would take it from one another. Without koffi or `sed` nothing is left out.
 */
export const hearing = async (): Promise<Hearing> => {
  const sed = PLACES.find((path) => existsSync(path))
  if (process.platform !== 'linux' || !isMainThread || sed === undefined) return asItIs
  const calls = await descriptors()
  if (calls === null) return asItIs
  const { pipe, copy, put } = calls
  return (call) => {
    const ends = new Int32Array(2)
    if (pipe(ends, CLOEXEC) !== 0) return call()
    const [from, to] = [ends[0]!, ends[1]!]
    const child = started(sed, from)
    // Nobody waits for it: it ends with what it reads. That it did not start is told by its having no number.
    child?.unref()
    child?.on('error', () => undefined)
    closeSync(from)
    const before = child?.pid === undefined ? -1 : Number(copy(STDERR))
    if (before >= 0) put(to, STDERR)
    closeSync(to)
    if (before < 0) return call()
    try {
      return call()
    } finally {
      put(before, STDERR)
      closeSync(before)
    }
  }
}
