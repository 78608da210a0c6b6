import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DeviceError, DeviceFailure } from '../../graph/device.ts'
import { createBudget, OBJECT_BYTES } from './budget.ts'
import { fakeGpu } from './fake-gpu.support.ts'
import { watch } from './faults.ts'
import { createFlight } from './flight.ts'
import { type Block, memory } from './memory.ts'
import { workQueue } from './queue.ts'

const blame = () => ({ op: 'tanh', site: 'user.ts:3:4' })
const open = (limit = Infinity) => {
  const fake = fakeGpu()
  const forgotten: Block[] = []
  const faults = watch(fake.gpu, () => undefined)
  const budget = createBudget(limit)
  const heap = memory(
    fake.gpu,
    faults,
    budget,
    (work) => work(),
    (block) => forgotten.push(block),
  )
  return { fake, forgotten, faults, budget, heap }
}
const failure = (f: () => unknown): DeviceError => {
  try {
    f()
  } catch (error) {
    if (error instanceof DeviceFailure) return error.error
    throw error
  }
  throw new Error('nothing failed')
}

describe('memory of a webgpu device', () => {
  it('hands out what nobody has, and what it keeps is bounded by what was in use', () => {
    const step = fc.oneof(
      fc.record({ take: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 2 ** 28 })) }),
      fc.record({ give: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { fake, heap, forgotten } = open()
        const held: Block[] = []
        for (const s of steps) {
          if ('take' in s) {
            const block = heap.take(s.take, blame)
            expect(block.bytes).toBeGreaterThanOrEqual(s.take)
            expect(held).not.toContain(block)
            expect(forgotten).not.toContain(block)
            held.push(block)
          } else if (held.length > 0) heap.give(held.splice(s.give % held.length, 1)[0]!)
          expect(heap.live()).toBe(held.reduce((n, b) => n + b.bytes, 0))
          expect(fake.bytes()).toBe(heap.live() + heap.idle())
          expect(heap.live() + heap.idle()).toBeLessThanOrEqual(heap.peak() + 2 ** 26 + 300 * OBJECT_BYTES)
        }
        heap.close()
        expect(fake.bytes()).toBe(0)
        held.forEach(heap.give) // what finalizers bring afterwards
        expect(heap.live()).toBe(0)
      }),
      { seed: 3, numRuns: 100 },
    )
  })

  it('a loop that repeats itself makes nothing, and what was needed once is let go in time', () => {
    const { heap, fake } = open()
    const step = (sizes: readonly number[]): void => sizes.map((n) => heap.take(n, blame)).forEach(heap.give)
    const large = Array.from({ length: 10 }, (_, i) => (i + 1) * 2 ** 24)
    step(large)
    const made = heap.made()
    for (let i = 0; i < 2000; i++) step(large)
    expect(heap.made()).toBe(made)
    for (let i = 0; i < 10_000; i++) step([1000])
    expect(fake.bytes()).toBeLessThanOrEqual(2 ** 26 + 2000)
    // Small ones cost more than their bytes.
    step(Array.from({ length: 20_000 }, () => 4))
    for (let i = 0; i < 10_000; i++) step([1000])
    expect(heap.idle()).toBeLessThanOrEqual((256 * 2 ** 26) / OBJECT_BYTES + 2 ** 16)
  })

  it('refuses a block that is given back twice', () => {
    const { heap } = open()
    const block = heap.take(100, blame)
    heap.give(block)
    expect(() => heap.give(block)).toThrow(/given back twice/)
  })

  it('buffers for reading back are reused, and few are kept', () => {
    const { heap, fake } = open()
    for (let i = 0; i < 100; i++) heap.giveStaging(heap.takeStaging(2 ** 27, blame))
    expect(heap.made()).toBe(1)
    for (let i = 1; i <= 100; i++) heap.giveStaging(heap.takeStaging(i * 2 ** 20, blame))
    expect(fake.bytes()).toBeLessThanOrEqual(2 ** 27)
    heap.giveStaging(heap.takeStaging(4, blame))
    expect(fake.bytes()).toBeLessThanOrEqual(2 ** 25)
    const failed = heap.takeStaging(2 ** 26, blame)
    const before = fake.bytes()
    heap.discardStaging(failed)
    expect(fake.bytes()).toBe(before - 2 ** 26)
  })

  it('tells whoever asked that the budget is spent, what to do, and goes on when there is room again', () => {
    const { heap, fake } = open(2 ** 20)
    const held: Block[] = []
    const error = failure(() => {
      for (;;) held.push(heap.take(2 ** 16, blame))
    })
    expect(error).toMatchObject({ _tag: 'OutOfMemory', op: 'tanh', site: 'user.ts:3:4', bytes: 2 ** 16 })
    expect(error.message).toMatch(/of the 1048576 bytes that it may.*`memory`.*Use smaller batches/)
    expect(fake.bytes()).toBeLessThanOrEqual(2 ** 20)
    expect(held.length).toBeGreaterThan(10)
    held.splice(0, 4).forEach(heap.give)
    heap.take(2 ** 17, blame) // of another size: what is kept makes room
    // Small blocks cost more than their bytes.
    expect(failure(() => Array.from({ length: 300 }, () => heap.take(4, blame)))._tag).toBe('OutOfMemory')
  })

  it('what the driver refuses is the failure of whoever asked, once what is kept did not help', () => {
    const { heap, fake, faults } = open()
    fake.mostBytes = 2 ** 22
    heap.give(heap.take(2 ** 21, blame))
    const block = heap.take(2 ** 21 + 2 ** 20, blame) // fits when the free one is gone
    const error = failure(() => heap.take(2 ** 21, blame))
    expect(error).toMatchObject({ _tag: 'OutOfMemory', op: 'tanh', bytes: 2 ** 21 })
    expect(error.message).toMatch(/the driver has no more/)
    expect(heap.live()).toBe(block.bytes)
    expect(faults.take()).toBeNull()
  })

  it('a block that turns out to be none is not used again', () => {
    const { heap } = open()
    const block = heap.take(1000, blame)
    block.fault.error = { _tag: 'DeviceLost', message: 'late' }
    heap.give(block)
    expect(heap.idle()).toBe(0)
    expect(heap.take(1000, blame)).not.toBe(block)
  })

  it('work under way is memory held, until the device says that it is done', async () => {
    const { heap, fake, faults, budget } = open(2 ** 28)
    const flight = createFlight(fake.gpu, faults, budget, heap, (work) => work())
    const submit = (): void => {
      flight.board(2 ** 20, blame)
      flight.launch(2 ** 20)
    }
    const error = failure(() => {
      for (let i = 0; i < 1000; i++) submit()
    })
    expect(error).toMatchObject({ _tag: 'OutOfMemory', op: 'tanh' })
    expect(budget.held()).toBe(2 ** 28)
    await fake.finish()
    expect(budget.held()).toBeLessThan(2 ** 26) // what came after the device was last asked
    submit()
    const landed = flight.landing()
    submit()
    landed()
    expect(budget.held()).toBe(2 ** 20)
    landed()
    expect(budget.held()).toBe(2 ** 20)
  })

  it('who waits for a device that is far behind goes on while most is still to be done, and nobody waits for nothing', async () => {
    const { heap, fake, faults, budget } = open()
    const queue = workQueue((error) => expect.fail(String(error)))
    const flight = createFlight(fake.gpu, faults, budget, heap, (work) => queue.push(null, work))
    let ran = 0
    let most = 0
    /** Of what was under way whenever a wait was over. */
    let least = Infinity
    const loop = async (): Promise<void> => {
      for (; ran < 10_000; ran++) {
        flight.board(2 ** 14, blame)
        flight.launch(2 ** 14)
        most = Math.max(most, budget.working())
        const waits = budget.working() > 2 ** 24
        await flight.pace()
        if (waits) least = Math.min(least, budget.working())
      }
    }
    const over = loop()
    for (let answers = 0; ran < 10_000; answers++) {
      await fake.finish(0) // a turn
      expect(answers).toBeLessThan(10_000 / 100) // each gave room for more than one step
      await fake.finish(1)
    }
    await over
    expect(most).toBe(2 ** 24 + 2 ** 14)
    expect(least).toBeGreaterThan(2 ** 23) // the device had work all the time
    // What is launched late, too large for one question, or fails, is waited for no longer than it is under way.
    await fake.finish()
    let paced = 0
    const wait = (): void => void flight.pace().then(() => paced++)
    let compiled = (): void => undefined
    flight.board(2 ** 26, blame)
    queue.push(new Promise<void>((resolve) => (compiled = resolve)), () => flight.launch(2 ** 26))
    wait()
    await fake.finish()
    expect(paced).toBe(0)
    compiled()
    await fake.finish(0)
    expect(paced).toBe(0)
    await fake.finish()
    expect(paced).toBe(1)
    flight.board(2 ** 26, blame)
    flight.launch(2 ** 26)
    wait()
    await fake.fail(new Error('no answer'))
    expect(paced).toBe(2)
    expect(faults.take()?.message).toMatch(/no answer/)
    flight.board(2 ** 26, blame)
    flight.launch(2 ** 26)
    wait()
    await fake.finish(0)
    expect(paced).toBe(2)
    flight.close() // lost
    wait()
    await fake.finish(0)
    expect(paced).toBe(4)
  })
})
