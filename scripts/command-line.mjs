// Command lines of the scripts, read as those of the examples and the benchmarks are: by packages/report/src/command-line, built where needed.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, root } from './build.mjs'

build('packages/report/tsconfig.build.json')
export const { count, device, folder, help, readCommand, readProcess, text, toggle, valued } = await import(
  pathToFileURL(join(root, 'packages', 'report', 'dist', 'command-line', 'index.js')).href
)
