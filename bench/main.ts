/**
 * Benchmarks: `npm run -s bench -- --workload train --device wasm --json` prints one JSON line a workload, in the format
 * of the peers' own scripts, so that both can be read side by side.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { choices, count, device as deviceFlag, folder, help, readProcess, toggle } from '@adjoint/report/command-line'
import { requestDeviceAsync } from '@adjoint/tensor'
import { rooflineOfTraining } from './roofline.ts'
import { growthOf } from './growth.ts'
import type { Row } from './row.ts'
import { scheduling } from './scheduling.ts'
import { workloads } from './workloads.ts'

const { flags } = readProcess({
  name: 'bench',
  call: 'npm run -s bench --',
  about: 'Times of single operations and of training steps, a line each: medians of many runs.',
  flags: {
    workload: choices('workloads to measure (default: all but scheduling)', [...Object.keys(workloads), 'scheduling']),
    device: deviceFlag(),
    json: toggle('a JSON line a workload'),
    steps: count("steps of 'train' to run after the timed ones, to see that memory stays flat", 0),
    roofline: toggle(
      'each step of the training step beside what the device can do at most (native and wasm), and its least time on some GPUs',
    ),
    growth: folder(
      'a training step at growing sizes (columns, vocabulary, layers, batch), and charts of its time and memory in DIR',
    ),
    help,
  },
  notes: `workloads: ${Object.keys(workloads).join(', ')};
scheduling: the CPU time of making programs, stage by stage; runs on no device`,
})
const names = flags.workload ?? Object.keys(workloads)
const { steps } = flags

const device = await requestDeviceAsync(flags.device === null ? {} : { kind: flags.device })
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
if (flags.growth !== null) {
  await mkdir(flags.growth, { recursive: true })
  for (const [file, svg] of await growthOf(device, print)) await writeFile(join(flags.growth, file), `${svg}\n`)
}
for (const name of flags.roofline || flags.growth !== null ? [] : names)
  for (const row of name === 'scheduling' ? scheduling() : [await workloads[name]!(device, { steps })]) print(row)
await device.destroy()
process.exit(0)
