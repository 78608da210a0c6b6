/**
 * What Dawn writes to the process's standard error, less two lines that say nothing to a user: at its first look at a Vulkan adapter it
 * warns that the adapter has more dynamic buffers than Dawn uses. No option turns them off, and C writes them, past `process.stderr`.
 *
 * Dawn looks within one call, on this thread. For that call file descriptor 2 leads through a process, `sed`, which drops these two
 * lines and hands on every other as it comes, even those of a driver that takes this process down.
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync } from 'node:fs'
import { loadForeign } from '../native/foreign.ts'

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

/** What leaves the two lines out: on Linux, where Dawn's Vulkan is. Without koffi or `sed` nothing is left out. */
export const hearing = async (): Promise<Hearing> => {
  const sed = PLACES.find((path) => existsSync(path))
  if (process.platform !== 'linux' || sed === undefined) return asItIs
  const foreign = await loadForeign().catch(() => null) // it is not installed, which costs no more than the two lines
  if (foreign === null) return asItIs
  const library = foreign.load(null)
  const pipe = library.func('pipe2', 'int', ['int *', 'int'])
  const copy = library.func('dup', 'int', ['int'])
  const put = library.func('dup2', 'int', ['int', 'int'])
  return (call) => {
    const ends = new Int32Array(2)
    if (pipe(ends, CLOEXEC) !== 0) return call()
    const [from, to] = [ends[0]!, ends[1]!]
    const child = spawn(sed, SED, { stdio: [from, STDERR, STDERR] })
    // Nobody waits for it: it ends with what it reads. That it did not start is told by its having no number.
    child.unref()
    child.on('error', () => undefined)
    closeSync(from)
    const before = child.pid === undefined ? -1 : Number(copy(STDERR))
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
