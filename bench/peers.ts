/**
 * Ours and others' in one run: `npm run -s bench:peers -- --device native --workload matmul512,train 'python3 peer.py'`. Each round
 * runs our benchmark and then each command, one at a time, so that all see the same machine; a table of medians and of ratios at the end.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { count, device, help, readProcess, text, toggle } from '@adjoint/report/command-line'
import { compare, comparisonText, type Measured, readLine } from './comparison.ts'

const { flags, words: commands } = readProcess({
  name: 'bench:peers',
  call: 'npm run -s bench:peers --',
  about:
    "Ours and others' in one run. COMMAND is a shell command that runs a peer and prints a JSON line for each workload:\n" +
    '{"peer", "backend", "workload", "ms"}, the names of workloads as in `npm run -s bench -- --help`, ms the median of its run;\n' +
    'whatever else it prints is left out.',
  words: { name: 'COMMAND...', least: 1, most: Infinity, missing: 'no COMMAND of a peer was given' },
  flags: {
    device: device(),
    workload: text('NAME,NAME,..', 'as `npm run -s bench` takes them', 'a name'),
    rounds: count('rounds of all, one after the other', 3, { min: 1 }),
    json: toggle('a JSON line a workload instead of a table'),
    help,
  },
})
const { rounds } = flags

let failures = 0
const complain = (message: string): void => {
  failures++
  process.stderr.write(`${message}\n`)
}

/** What a program measures; what fails there is said. */
const measured = (
  name: string,
  command: string,
  args: readonly string[],
  shell: boolean,
): Promise<readonly Measured[]> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { shell, stdio: ['ignore', 'pipe', 'inherit'] })
    const rows: Measured[] = []
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = readLine(text)
      if (line.kind === 'measured') rows.push(line.row)
      if (line.kind === 'failed') complain(`${line.who}: ${line.why}`)
    })
    child.on('error', (error) => {
      complain(`${name}: ${error.message}`)
      resolve(rows)
    })
    child.on('close', (code, signal) => {
      if (code !== 0) complain(`${name} ended with ${signal ?? `exit code ${String(code)}`}`)
      if (code === 0 && rows.length === 0) complain(`${name} printed no measurement`)
      resolve(rows)
    })
  })

const own = [
  join(dirname(fileURLToPath(import.meta.url)), 'main.js'),
  '--json',
  ...(flags.device === null ? [] : ['--device', flags.device]),
  ...(flags.workload === null ? [] : ['--workload', flags.workload]),
]
const all: (readonly Measured[])[] = []
for (let round = 0; round < rounds; round++) {
  const rows = [...(await measured('our benchmark', process.execPath, own, false))]
  for (const command of commands) rows.push(...(await measured(command, command, [], true)))
  all.push(rows)
}
const compared = compare(all)
process.stdout.write(
  flags.json
    ? compared.map((each) => `${JSON.stringify(each)}\n`).join('')
    : `${comparisonText(compared)}\nmedians of ${rounds} rounds; ratios within a round\n`,
)
process.exitCode = failures === 0 ? 0 : 1
