// npm run -s example -- NAME [flags]: builds the examples where needed and runs examples/NAME/main.ts in this process,
// so that what stands on stdout is the example's own and its exit code is the command's.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, root } from './build.mjs'

const examples = join(root, 'examples')
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(examples, entry.name, 'main.ts')))
  .map((entry) => entry.name)
  .sort()

const [name, ...flags] = process.argv.slice(2)

if (name === undefined || !names.includes(name)) {
  const wrong = name === undefined || name === '--help' || name === '-h' ? '' : `no example is named '${name}'\n`
  process.stderr.write(`${wrong}usage: npm run -s example -- NAME [flags]\n\nexamples:\n`)
  for (const each of names) process.stderr.write(`  ${each}\n`)
  process.exitCode = 2
} else {
  build('examples/tsconfig.build.json')
  const main = join(examples, 'dist', name, 'main.js')
  process.argv = [process.execPath, main, ...flags]
  await import(pathToFileURL(main).href)
}
