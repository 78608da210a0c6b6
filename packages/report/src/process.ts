/** The run viewer on this process's arguments, streams and signals. */
import type { Called } from './flags.ts'
import { report } from './main.ts'

export const reportHere = async (called: Called): Promise<void> => {
  // A terminal and npm may both send the signal: the second one is the first.
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  process.exitCode = await report(
    called,
    process.argv.slice(2),
    { out: (text) => void process.stdout.write(text), err: (text) => void process.stderr.write(text) },
    stop.signal,
  )
}
