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

const sourceOf = (name) => readFileSync(join(examples, name, 'main.ts'), 'utf8')

/** What stands at the top of its `main.ts`. */
const wordsOf = (name) => {
  const [, text = ''] = /^\/\*\*([^]*?)\*\//.exec(sourceOf(name)) ?? []
  return text.replaceAll(/\s*\n \* ?/g, ' ').trim()
}

/** Whether it reads its flags itself; the others are programs without any. */
const hasFlags = (name) => /process\.argv|cli\/(example|flags)\.ts/.test(sourceOf(name))

/** What an example is: its first words, as far as they fit a line. */
const aboutOf = (name) => {
  const words = wordsOf(name)
  const first = words.split(/(?<=[^.])\.\s|:\s/)[0].replace(/\.$/, '')
  return first.length > 62 ? `${first.slice(0, 61)}…` : first
}

const [name, ...flags] = process.argv.slice(2)

if (name === undefined || !names.includes(name)) {
  const wrong = name === undefined || name === '--help' || name === '-h' ? '' : `no example is named '${name}'\n`
  process.stderr.write(`${wrong}usage: npm run -s example -- NAME [flags]\n\nexamples:\n`)
  for (const each of names) process.stderr.write(`  ${each.padEnd(14)}${aboutOf(each)}\n`)
  process.exitCode = 2
} else if (flags.length > 0 && !hasFlags(name)) {
  const help = flags.length === 1 && ['--help', '-h'].includes(flags[0])
  const usage = `usage: npm run -s example -- ${name}\n\n${wordsOf(name)}\n`
  if (help) process.stdout.write(usage)
  else process.stderr.write(`${name} has no flags, and was given ${flags.join(' ')}\n\n${usage}`)
  process.exitCode = help ? 0 : 2
} else {
  build('examples/tsconfig.build.json')
  const main = join(examples, 'dist', name, 'main.js')
  process.argv = [process.execPath, main, ...flags]
  await import(pathToFileURL(main).href)
}
