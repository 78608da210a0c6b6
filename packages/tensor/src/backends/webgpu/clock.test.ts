import fc from 'fast-check'
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
  const take = async (steps: number): Promise<{ readonly outcome: Outcome; readonly reading: Reading | null }> => {
    const outcome: Outcome = { error: null }
    const made: Reading[] = []
    await clock.ready(steps)
    fake.mostBytes = fake.bytes()
    faults.during(outcome, blame, () => {
      made.push(clock.take(steps, fake.gpu.createCommandEncoder(), blame))
    })
    return { outcome, reading: made[0] ?? null }
  }
  return { faults, clock, take }
}

it('memory that is refused to the times fails their reading, and not the call', async () => {
  const { outcome, reading } = await clockOf(fakeGpu()).take(3)
  expect(outcome.error).toBeNull()
  expect(await reading?.read(outcome)).toMatchObject({ left: { _tag: 'OutOfMemory', op: 'tanh' } })
})

it('the times of no steps need no memory, and are empty, but for a call that failed', async () => {
  const fake = fakeGpu()
  const { outcome, reading } = await clockOf(fake).take(0)
  expect(outcome.error).toBeNull()
  expect(await reading?.read(outcome)).toEqual(E.right([]))
  expect(fake.bytes()).toBe(0)
  outcome.error = { _tag: 'DeviceLost', message: 'gone' }
  expect(await reading?.read(outcome)).toEqual(E.left(outcome.error))
})

/** Steps whose times need so many sets of queries. */
const needing = (sets: number): number => sets * 2048

it('what is refused to it, at whatever object and however, is its reason, and leaves what was there', async () => {
  const how = fc.constantFrom('thrown' as const, 'told' as const)
  const sizes = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 4 }))
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), how, async ([before, more], at, how) => {
      const fake = fakeGpu()
      const { clock } = clockOf(fake)
      expect(await clock.ready(needing(before))).toBeNull()
      const held = [fake.querySets(), fake.bytes()]
      expect(held[0]).toBe(before)
      // One object for each set, and the buffer that they are copied to.
      fake.refuses = { after: at % (before + more + 1), how }
      expect(await clock.ready(needing(before + more))).toContain('the driver has no more')
      expect([fake.querySets(), fake.bytes()]).toEqual(held)
      expect(await clock.ready(needing(before))).toBeNull()
      fake.refuses = null
      expect(await clock.ready(needing(before + more))).toBeNull()
      expect(fake.querySets()).toBe(before + more)
      clock.close()
      expect([fake.querySets(), fake.bytes()]).toEqual([0, 0])
    }),
    { seed: 3 },
  )
})

it('what is refused to it is no error of anybody else', async () => {
  const fake = fakeGpu()
  const { faults, clock } = clockOf(fake)
  fake.refuses = { after: 0, how: 'told' }
  expect(await clock.ready(1)).not.toBeNull()
  expect(faults.take()).toBeNull()
})
