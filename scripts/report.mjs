// npm run report -- RUNS... [flags]: builds the viewer where needed and runs it in this process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, root } from './build.mjs'

build('packages/report/tsconfig.build.json')
const { report } = await import(pathToFileURL(join(root, 'packages', 'report', 'dist', 'main.js')).href)

// A terminal and npm may both send the signal: the second one is the first.
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort())
const write = (stream) => (text) => void stream.write(text)
process.exitCode = await report(
  process.argv.slice(2),
  { out: write(process.stdout), err: write(process.stderr) },
  stop.signal,
)
