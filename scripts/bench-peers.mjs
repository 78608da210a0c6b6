// npm run -s bench:peers -- [flags]: builds the benchmarks where needed and runs bench/peers.ts in this process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, root } from './build.mjs'

build('bench/tsconfig.build.json')
const main = join(root, 'bench', 'dist', 'peers.js')
process.argv = [process.execPath, main, ...process.argv.slice(2)]
await import(pathToFileURL(main).href)
