// npm run report -- RUNS... [flags]: builds the viewer where needed and runs it in this process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, root } from './build.mjs'

build('packages/report/tsconfig.build.json')
const { reportHere } = await import(pathToFileURL(join(root, 'packages', 'report', 'dist', 'process.js')).href)
await reportHere({ name: 'report', call: 'npm run report --' })
