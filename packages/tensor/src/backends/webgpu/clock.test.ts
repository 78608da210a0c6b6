import * as E from 'fp-ts/lib/Either.js'
import { expect, it } from 'vitest'
import { createBudget } from './budget.ts'
import { createClock, type Reading } from './clock.ts'
import { fakeGpu } from './fake-gpu.support.ts'
import { type Outcome, watch } from './faults.ts'
import { memory } from './memory.ts'

const blame = () => ({ op: 'tanh', site: '' })

const clockOf = (fake: ReturnType<typeof fakeGpu>) => {
  const faults = watch(fake.gpu, () => undefined)
  const heap = memory(
    fake.gpu,
    faults,
    createBudget(Infinity),
    (work) => work(),
    () => undefined,
  )
  const clock = createClock(fake.gpu, faults, heap)
  /** Takes the times within a call. */
  const take = (steps: number): { readonly outcome: Outcome; readonly reading: Reading | null } => {
    const outcome: Outcome = { error: null }
    const made: Reading[] = []
    clock.ready(steps)
    fake.mostBytes = fake.bytes()
    faults.during(outcome, blame, () => {
      made.push(clock.take(steps, fake.gpu.createCommandEncoder(), blame))
    })
    return { outcome, reading: made[0] ?? null }
  }
  return take
}

it('memory that is refused to the times fails their reading, and not the call', async () => {
  const { outcome, reading } = clockOf(fakeGpu())(3)
  expect(outcome.error).toBeNull()
  expect(await reading?.read(outcome)).toMatchObject({ left: { _tag: 'OutOfMemory', op: 'tanh' } })
})

it('the times of no steps need no memory, and are empty, but for a call that failed', async () => {
  const fake = fakeGpu()
  const { outcome, reading } = clockOf(fake)(0)
  expect(outcome.error).toBeNull()
  expect(await reading?.read(outcome)).toEqual(E.right([]))
  expect(fake.bytes()).toBe(0)
  outcome.error = { _tag: 'DeviceLost', message: 'gone' }
  expect(await reading?.read(outcome)).toEqual(E.left(outcome.error))
})
