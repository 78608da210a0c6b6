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

/** What stands at the top of its `main.ts`: what it is, and at the end how long it takes, unless that is its model's affair. */
const wordsOf = (name) => {
  const [, text = ''] = /^\/\*\*([^]*?)\*\//.exec(sourceOf(name)) ?? []
  return text.replaceAll(/\s*\n \* ?/g, ' ').trim()
}

const durationOf = (name) => /Takes ([\d.]+ (?:s|min))\b/.exec(wordsOf(name))?.[1] ?? 'varies'

/** Columns for what an example is, beside its name and its time, of 80. */
const WORDS = 55

/** What an example is: its first sentence, or as much of it as fits. */
const aboutOf = (name) => {
  const [sentence] = wordsOf(name).split(/(?<=[^.])\.(?=\s|$)/)
  const parts = [sentence, sentence.split(': ')[0]].filter((part) => part.length <= WORDS)
  return parts[0] ?? `${sentence.slice(0, WORDS - 1)}…`
}

const LIST = `examples, and how long they take on one core of a CPU (GRPO of a published model: on two):

${names.map((each) => `  ${each.padEnd(14)}${durationOf(each).padStart(7)}  ${aboutOf(each)}\n`).join('')}
--help after a NAME lists its flags.
`
const USAGE = `usage: npm run -s example -- NAME [flags]\n\n${LIST}`

/** The others are programs of no flags but the device, which they take from the environment, as every program does. */
const readsFlags = (name) => /cli\/example\.ts/.test(sourceOf(name))

const [name, ...flags] = process.argv.slice(2)
if (name === '--help' || name === '-h') process.stdout.write(USAGE)
else if (name === undefined || !names.includes(name)) {
  // Last, where it is not scrolled away.
  process.stderr.write(`${USAGE}\nexample: ${name === undefined ? 'name one' : `no example is named '${name}'`}\n`)
  process.exitCode = 2
} else {
  const main = join(examples, 'dist', name, 'main.js')
  process.argv = [process.execPath, main, ...flags]
  build('examples/tsconfig.build.json')
  if (!readsFlags(name)) {
    const { device, help, readProcess } = await import('./command-line.mjs')
    const given = readProcess({
      name,
      call: `npm run -s example -- ${name}`,
      about: wordsOf(name),
      flags: { device: device('wasm'), help },
    })
    process.env.ADJOINT_DEVICE = given.flags.device ?? (process.env.ADJOINT_DEVICE || 'wasm')
  }
  await import(pathToFileURL(main).href)
}
