/**
 * Long runs of every way of writing a loop: `npm run -s flat -- --device wasm --steps 10000`. Each runs in a process of its
 * own; a line of figures each, and the exit code 1 where one holds on to its past.
 */
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { requestDeviceAsync } from '@adjoint/tensor'
import { type Flatness, growth, measure } from './flatness.ts'
import { loops } from './loops.ts'

const usage = `usage: npm run -s flat -- [--device webgpu|native|wasm|reference] [--steps N] [--size N] [--loop NAME]

--device   default wasm
--steps    steps of each loop (default 10000)
--settle   steps before these, until the collector has found its pace (default 2000)
--size     numbers in a loop's state (default 32768)
--loop     loops whose name contains this (default all):
${loops.map(({ name }) => `             ${name}`).join('\n')}`

const fail = (message: string): never => {
  process.stderr.write(`${message}\n\n${usage}\n`)
  process.exit(2)
}

const flags = (() => {
  try {
    return parseArgs({
      options: {
        device: { type: 'string', default: 'wasm' },
        steps: { type: 'string', default: '10000' },
        settle: { type: 'string', default: '2000' },
        size: { type: 'string', default: '32768' },
        loop: { type: 'string', default: '' },
        alone: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
})()
if (flags.help) {
  process.stdout.write(`${usage}\n`)
  process.exit(0)
}
const kind = (['webgpu', 'native', 'wasm', 'reference'] as const).find((k) => k === flags.device)
if (kind === undefined) fail(`no device is named '${flags.device}'`)
const count = (name: 'steps' | 'settle' | 'size'): number => {
  const n = Number(flags[name])
  return Number.isInteger(n) && n > 0 ? n : fail(`--${name} takes a positive whole number, not '${flags[name]}'`)
}
const [steps, settle, size] = [count('steps'), count('settle'), count('size')]
const chosen = loops.filter(({ name }) => (flags.alone ? name === flags.loop : name.includes(flags.loop)))
if (chosen.length === 0) fail(`no loop's name contains '${flags.loop}'`)

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
  const device = await requestDeviceAsync({ kind: kind! })
  const flatness = await measure(device, { steps, settle, size })(chosen[0]!)
  process.send?.(flatness, () => process.exit(0))
} else {
  const heads = ['peak', 'live', 'heap', 'resident'].map((h) => `${h} MB`.padStart(17)).join('  ')
  process.stdout.write(`${`${steps} steps on ${kind!}`.padEnd(56)}${heads}\n`)
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
