// npm run report -- RUNS... [flags]: builds the viewer where needed and runs it in this process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, root } from './build.mjs'

build('packages/report/tsconfig.build.json')
await import(pathToFileURL(join(root, 'packages', 'report', 'dist', 'bin.js')).href)
