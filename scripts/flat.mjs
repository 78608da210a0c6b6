// npm run -s flat -- [flags]: builds the benchmarks where needed and runs bench/flat.ts in this process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, root } from './build.mjs'

build('bench/tsconfig.build.json')
const main = join(root, 'bench', 'dist', 'flat.js')
process.argv = [process.execPath, main, ...process.argv.slice(2)]
await import(pathToFileURL(main).href)
