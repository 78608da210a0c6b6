/**
 * Benchmarks: `npm run -s bench -- --workload train --device wasm --json` prints one JSON line a workload, in the format
 * of the peers' own scripts, so that both can be read side by side.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  choice,
  choices,
  count,
  device as deviceFlag,
  folder,
  help,
  readProcess,
  toggle,
} from '@adjoint/report/command-line'
import { requestDeviceAsync } from '@adjoint/tensor'
import { rooflineOfTraining } from './roofline.ts'
import { growthOf, sizes } from './growth.ts'
import { hostCosts, hostText } from './host.ts'
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
      'each step of the training step beside what the device can do at most (not on a GPU without timestamps), and its least time on some GPUs',
    ),
    growth: folder(
      'a training step at growing sizes (columns, vocabulary, layers, batch), and charts of its time and memory in DIR',
    ),
    axis: choice('along one of the sizes of --growth', sizes),
    host: toggle('what the host pays: tracing, keying, calling, each kernel, reading back; medians in microseconds'),
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
if (flags.host)
  for await (const cost of hostCosts(device))
    process.stdout.write(
      `${flags.json ? JSON.stringify({ peer: 'adjoint', backend: device.kind, ...cost }) : hostText(cost)}\n`,
    )
if (flags.growth !== null) {
  await mkdir(flags.growth, { recursive: true })
  for (const [file, svg] of await growthOf(device, flags.axis === null ? sizes : [flags.axis], print))
    await writeFile(join(flags.growth, file), `${svg}\n`)
}
for (const name of flags.roofline || flags.host || flags.growth !== null ? [] : names)
  for (const row of name === 'scheduling' ? scheduling() : [await workloads[name]!(device, { steps })]) print(row)
await device.destroy()
process.exit(0)
