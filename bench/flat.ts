/**
 * Long runs of every way of writing a loop: `npm run -s flat -- --device wasm --steps 10000`. Each runs in a process of its
 * own; a line of figures each, and the exit code 1 where one holds on to its past.
 */
import { fork } from 'node:child_process'
import { count, device, help, readProcess, text, toggle } from '@adjoint/report/command-line'
import { requestDeviceAsync } from '@adjoint/tensor'
import { type Flatness, growth, measure } from './flatness.ts'
import { loops } from './loops.ts'

const chosenOf = (loop: string | null, alone: boolean) =>
  loops.filter(({ name }) => (alone ? name === loop : name.includes(loop ?? '')))

const { flags } = readProcess({
  name: 'flat',
  call: 'npm run -s flat --',
  about:
    'Long runs of every way of writing a loop: a line of figures each; exit code 1 where one holds on to its past.',
  flags: {
    device: device('wasm'),
    steps: count('steps of each loop', 10_000, { min: 1 }),
    settle: count('steps before these, until the collector has found its pace', 2000, { min: 1 }),
    size: count("numbers in a loop's state", 32_768, { min: 1 }),
    loop: text('NAME', 'loops whose name contains this (default: all)', 'a name'),
    alone: toggle('the one loop that --loop names, in this process; the others are started with it'),
    help,
  },
  together: ({ loop, alone }) =>
    chosenOf(loop, alone).length === 0
      ? `--loop ${loop ?? ''}: no loop's name ${alone ? 'is' : 'contains'} this`
      : null,
  notes: `loops: ${loops.map(({ name }) => name).join('\n       ')}`,
})
const { steps, settle, size } = flags
const kind = flags.device ?? 'wasm'
const chosen = chosenOf(flags.loop, flags.alone)

/** The figures of one loop, run by a process of its own; the process's end, where it did not live to tell. */
const inChild = (name: string): Promise<Flatness | string> =>
  new Promise((resolve) => {
    let result: Flatness | null = null
    const child = fork(process.argv[1]!, [...process.argv.slice(2), '--alone', '--loop', name], { stdio: 'inherit' })
    child.on('message', (message) => {
      result = message as Flatness
    })
    child.on('exit', (code, signal) => {
      resolve(result ?? `ended by ${signal ?? `code ${String(code)}`}`)
    })
  })

const MB = 2 ** 20
const cell = (early: number, late: number): string =>
  `${(early / MB).toFixed(1).padStart(8)} ${(late / MB).toFixed(1).padStart(8)}`

if (flags.alone) {
  const flatness = await measure(await requestDeviceAsync({ kind }), { steps, settle, size })(chosen[0]!)
  process.send?.(flatness, () => process.exit(0))
} else {
  const heads = ['peak', 'live', 'heap', 'resident'].map((h) => `${h} MB`.padStart(17)).join('  ')
  process.stdout.write(`${`${steps} steps on ${kind}`.padEnd(56)}${heads}\n`)
  let grown = false
  for (const { name } of chosen) {
    const result = await inChild(name)
    const wrong = typeof result === 'string' ? [result] : growth(result)
    const cells =
      typeof result === 'string'
        ? ''
        : (['peak', 'live', 'heap', 'resident'] as const)
            .map((what) => cell(result.early[what], result.late[what]))
            .join('  ')
    process.stdout.write(`${name.padEnd(56)}${cells}  ${wrong.length === 0 ? 'flat' : `GROWS: ${wrong.join(', ')}`}\n`)
    grown ||= wrong.length > 0
  }
  process.exit(grown ? 1 : 0)
}
