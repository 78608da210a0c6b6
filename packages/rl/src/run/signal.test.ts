import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { add, mul, readAsync, scalar, type Scalar } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { right } from './device.support.ts'
import { describeError } from './errors.ts'
import { dice } from './keys.ts'
import { type Phase, run, type StopSignal } from './run.ts'

let root = ''
let runs = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adjoint-signal-'))
})
afterAll(async () => rm(root, { recursive: true }))
const fresh = (): string => join(root, String(runs++))

const [FIRST, SECOND] = [5, 4]
/** Two phases; `done` is told of each step that is computed. */
const phases = (done: () => void): readonly Phase<Scalar>[] =>
  [FIRST, SECOND].map((steps, i) => ({
    name: `phase-${i}`,
    steps,
    enter: (x: Scalar) => add(x, 1),
    advance:
      (state, { key }) =>
      async () => {
        done()
        const x = mul(add(state, dice(key)(1000)), 0.5)
        return E.right({ state: x, metrics: { seen: (await readAsync(x))[0]! } })
      },
  }))
const config = (folder: string, done: () => void, signal?: StopSignal) => ({
  ...{ folder, seed: 3, phases: phases(done), checkpointEvery: 3, settings: { seed: 3 } },
  ...(signal && { signal }),
})
const logOf = (folder: string): Promise<string> => readFile(join(folder, 'log.jsonl'), 'utf8')

test('stopped after any steps and gone on with, it computes each step once, and ends with the log and state of one that was not', async () => {
  const whole = fresh()
  const last = await readAsync(await right(run(config(whole, () => undefined))(scalar(1), { resume: false })))
  const log = await logOf(whole)
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 0, max: FIRST + SECOND - 1 }), { maxLength: 3 }), async (at) => {
      const folder = fresh()
      let computed = 0
      for (const stop of at.sort((a, b) => a - b)) {
        const stopping = new AbortController()
        const tick = (): void => {
          if (++computed >= stop) stopping.abort()
        }
        if (computed >= stop) stopping.abort()
        const outcome = await run(config(folder, tick, stopping.signal))(scalar(1), { resume: 'where begun' })()
        const reached = { phase: computed < FIRST ? 'phase-0' : 'phase-1', step: computed % FIRST }
        expect(outcome).toEqual(E.left({ _tag: 'Interrupted', ...reached }))
        expect(computed).toBe(stop)
      }
      const tick = (): void => {
        computed++
      }
      const state = await right(run(config(folder, tick))(scalar(1), { resume: 'where begun' }))
      expect(computed).toBe(FIRST + SECOND)
      expect(await readAsync(state)).toEqual(last)
      expect(await logOf(folder)).toBe(log)
    }),
    { numRuns: 40, seed: 5 },
  )
})

test('asked in its last step, it ends as if it had not been asked', async () => {
  const stopping = new AbortController()
  let computed = 0
  const tick = (): void => {
    if (++computed === FIRST + SECOND) stopping.abort()
  }
  const outcome = await run(config(fresh(), tick, stopping.signal))(scalar(1), { resume: false })()
  expect(E.isRight(outcome)).toBe(true)
})

test('says where it stopped, and how to go on', () => {
  expect(describeError({ _tag: 'Interrupted', phase: 'grpo', step: 7 })).toBe(
    'stopped, as was asked, before step 7 of grpo; all steps before it are saved. Resume to go on.',
  )
})
