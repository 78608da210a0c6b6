import { describe, expect, it } from 'vitest'
import { bindGroups, whole } from './bindings.ts'
import { createBudget } from './budget.ts'
import { fakeGpu } from './fake-gpu.support.ts'
import { watch } from './faults.ts'
import { memory } from './memory.ts'
import { pipelines } from './pipelines.ts'

const blame = () => ({ op: 'tanh', site: '' })
const shader = (source: string) => ({ source, entry: 'main', workgroups: [1, 1, 1] as const })

describe('pipelines and bind groups that are kept', () => {
  it('pipelines: one a source as long as it is in use, and few beside', async () => {
    const made = pipelines(fakeGpu().gpu)
    const first = made.of(shader('0'), 'rw', 'first')
    expect(await first.ready).toBeNull()
    for (let i = 1; i <= 3000; i++) made.of(shader(`${i}`), 'rw', 'another')
    expect(made.made()).toBe(3001)
    expect(made.kept()).toBeLessThanOrEqual(256)
    expect(made.of(shader('0'), 'rw', 'first')).toBe(first)
    expect(made.made()).toBe(3001)
    const long = 'x'.repeat(2 ** 20)
    for (let i = 0; i < 100; i++) made.of(shader(`${i}${long}`), 'rw', 'long')
    expect(made.kept()).toBeLessThanOrEqual(8)
    made.clear()
    expect(made.kept()).toBe(0)
  })

  it('bind groups: those that name a block go with it, and no more than some thousand are kept', () => {
    const { gpu } = fakeGpu()
    const groups = bindGroups(gpu)
    const heap = memory(
      gpu,
      watch(gpu, () => undefined),
      createBudget(Infinity),
      (work) => work(),
      groups.forget,
    )
    const pipeline = pipelines(gpu).of(shader('0'), 'rw', 'kernel')
    const shared = heap.make(2 ** 16, blame)
    const block = heap.make(256, blame)
    const part = (offset: number) => ({ block: shared, offset, bytes: 256 })
    const group = groups.of(pipeline, [whole(block), part(0)])
    expect(groups.of(pipeline, [whole(block), part(0)])).toBe(group)
    expect(groups.of(pipeline, [whole(block), part(256)])).not.toBe(group)
    groups.of(pipeline, [part(0), part(256)])
    expect(groups.kept()).toBe(3)
    heap.discard(block)
    expect(groups.kept()).toBe(1)
    for (let i = 0; i < 20_000; i++) groups.of(pipeline, [part(0), { block: shared, offset: 512, bytes: 4 * (i + 1) }])
    expect(groups.kept()).toBeLessThanOrEqual(8192)
    heap.discard(shared)
    expect(groups.kept()).toBe(0)
    expect(groups.made()).toBe(20_003)
  })
})
