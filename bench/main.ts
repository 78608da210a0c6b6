/**
 * Benchmarks: `npm run -s bench -- --workload train --device wasm --json` prints one JSON line a workload, in the format
 * of the peers' own scripts, so that both can be read side by side.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { requestDeviceAsync } from '@adjoint/tensor'
import { rooflineOfTraining } from './roofline.ts'
import { growthOf, sizes } from './growth.ts'
import { hostCosts, hostText } from './host.ts'
import type { Row } from './row.ts'
import { scheduling } from './scheduling.ts'
import { workloads } from './workloads.ts'

const usage = `usage: npm run -s bench -- [--workload NAME[,NAME...]] [--device webgpu|native|wasm|reference] [--json] [--steps N] [--roofline]
                                 [--growth DIR [--axis length|vocab|layers|batch]] [--host]

workloads: ${Object.keys(workloads).join(', ')} (default: all of these);
           scheduling (the CPU time of making programs, stage by stage; runs on no device)
--growth   a training step at growing sizes (columns, vocabulary, layers, batch), and charts of its time and memory in DIR;
           --axis: along one of them
--host     what the host pays: tracing, keying, calling, each kernel, reading back; medians in microseconds
--roofline each step of the training step beside what the device can do at most (not on a GPU without timestamps), and its least time on some GPUs
--steps    steps of 'train' to run after the timed ones, to see that memory stays flat (default 0)`

const fail = (message: string): never => {
  process.stderr.write(`${message}\n\n${usage}\n`)
  process.exit(2)
}

const flags = (() => {
  try {
    return parseArgs({
      options: {
        workload: { type: 'string' },
        device: { type: 'string' },
        json: { type: 'boolean', default: false },
        roofline: { type: 'boolean', default: false },
        host: { type: 'boolean', default: false },
        growth: { type: 'string' },
        axis: { type: 'string' },
        steps: { type: 'string', default: '0' },
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
const names = flags.workload?.split(',') ?? Object.keys(workloads)
const unknown = names.find((name) => name !== 'scheduling' && !Object.hasOwn(workloads, name))
if (unknown !== undefined) fail(`no workload is named '${unknown}'`)
const kinds = ['webgpu', 'native', 'wasm', 'reference'] as const
const kind = kinds.find((k) => k === flags.device)
if (flags.device !== undefined && kind === undefined) fail(`no device is named '${flags.device}'`)
const axis = sizes.find((name) => name === flags.axis)
if (flags.axis !== undefined && axis === undefined) fail(`--axis takes ${sizes.join(', ')}, not '${flags.axis}'`)
const steps = Number(flags.steps)
if (!Number.isInteger(steps) || steps < 0) fail(`--steps takes a whole number, not '${flags.steps}'`)

const device = await requestDeviceAsync(kind === undefined ? {} : { kind })
const print = (row: Row): void => {
  const line = {
    peer: 'adjoint',
    backend: device.kind,
    ...row,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  }
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(line)}\n`
      : `${row.workload.padEnd(16)} ${row.ms.toFixed(3).padStart(10)} ms  ${Object.entries(row)
          .filter(([k]) => k !== 'workload' && k !== 'ms')
          .map(([k, v]) => `${k} ${String(v)}`)
          .join('  ')}\n`,
  )
}
if (flags.roofline) process.stdout.write(`${await rooflineOfTraining(device)}\n`)
if (flags.host)
  for await (const cost of hostCosts(device))
    process.stdout.write(
      `${flags.json ? JSON.stringify({ peer: 'adjoint', backend: device.kind, ...cost }) : hostText(cost)}\n`,
    )
if (flags.growth !== undefined) {
  await mkdir(flags.growth, { recursive: true })
  for (const [file, svg] of await growthOf(device, axis === undefined ? sizes : [axis], print))
    await writeFile(join(flags.growth, file), `${svg}\n`)
}
for (const name of flags.roofline || flags.host || flags.growth !== undefined ? [] : names)
  for (const row of name === 'scheduling' ? scheduling() : [await workloads[name]!(device, { steps })]) print(row)
await device.destroy()
process.exit(0)
