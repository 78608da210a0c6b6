import type { Device } from '@adjoint/tensor'
import { add, jit, readAsync, tensor } from '@adjoint/tensor'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import { type Example, goOnWith, type JobError, runExample } from './example.ts'
import { common, type CommonValues } from './flags.ts'

test.each([
  [[], 'npm run -s example -- r1 --resume --out runs/a'],
  [['--seed', '1', '--resume', '--out', 'b c'], "npm run -s example -- r1 --seed 1 --resume --out 'b c'"],
  [['--out=b'], 'npm run -s example -- r1 --out=b --resume'],
])('what goes on with %j', (args, command) => {
  expect(goOnWith('r1', args, 'runs/a')).toBe(command)
})

describe('a job', () => {
  /** An example on the wasm device, and how it ended: what was thrown, whether its device was given back, who still listens for Ctrl-C. */
  const run = async (job: (device: Device) => TE.TaskEither<JobError, null>) => {
    let used: Device | null = null
    const example: Example<CommonValues, null> = {
      ...{ name: 'trial', about: 'A trial.', flags: common, text: () => 'done', json: () => ({}) },
      job: (_, { device }) => {
        used = device
        return job(device)
      },
    }
    const listeners = process.listenerCount('SIGINT')
    const ended: unknown = await runExample(example)(['--device', 'wasm', '--json']).catch((thrown: unknown) => thrown)
    expect(process.listenerCount('SIGINT')).toBe(listeners)
    const device: Device = used!
    const use = async () => readAsync(jit((x: typeof ONE) => add(x, 1), { device })(ONE), device)
    const lost: unknown = await use().catch(String)
    return { ended, lost: String(lost) }
  }
  const ONE = tensor([1], [1])
  const fault = new Error('a fault of the job')

  test.each<readonly [string, (device: Device) => TE.TaskEither<JobError, null>, unknown]>([
    ['that ends', () => TE.right(null), 0],
    ['that fails', () => TE.left('it failed'), 1],
    [
      'that throws where it is made',
      () => {
        throw fault
      },
      fault,
    ],
    ['that throws where it runs', () => () => Promise.reject(fault), fault],
  ])('%s gives its device back', async (_, job, expected) => {
    const { ended, lost } = await run(job)
    expect(ended).toBe(expected)
    expect(lost).toMatch(/destroyed/)
  })
})
