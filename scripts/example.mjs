// npm run -s example -- NAME [flags]: builds the examples where needed and runs examples/NAME/main.ts in this process,
// so that what stands on stdout is the example's own and its exit code is the command's.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, root } from './build.mjs'

const examples = join(root, 'examples')
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(examples, entry.name, 'main.ts')))
  .map((entry) => entry.name)
  .sort()

/** What an example is: the first words of its `main.ts`, as far as they fit a line. */
const aboutOf = (name) => {
  const [, text = ''] = /^\/\*\*([^]*?)\*\//.exec(readFileSync(join(examples, name, 'main.ts'), 'utf8')) ?? []
  const words = text.replaceAll(/\s*\n \* ?/g, ' ').trim()
  const first = words.split(/(?<=[^.])\.\s|:\s/)[0].replace(/\.$/, '')
  return first.length > 62 ? `${first.slice(0, 61)}…` : first
}

const [name, ...flags] = process.argv.slice(2)

if (name === undefined || !names.includes(name)) {
  const wrong = name === undefined || name === '--help' || name === '-h' ? '' : `no example is named '${name}'\n`
  process.stderr.write(`${wrong}usage: npm run -s example -- NAME [flags]\n\nexamples:\n`)
  for (const each of names) process.stderr.write(`  ${each.padEnd(14)}${aboutOf(each)}\n`)
  process.exitCode = 2
} else {
  build('examples/tsconfig.build.json')
  const main = join(examples, 'dist', name, 'main.js')
  process.argv = [process.execPath, main, ...flags]
  await import(pathToFileURL(main).href)
}
