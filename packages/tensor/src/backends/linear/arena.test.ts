import { describe, expect, it } from 'vitest'
import { matmul, ones, readAsync, realizeAsync, sum, tanh, add, type Tensor, wasmDevice } from '../../index.ts'
import { parameter } from '../../primitives/index.ts'
import { typed } from '../../graph/tensor.ts'
import { storageOfTensor } from '../../run/storages.ts'
import { createArena } from './arena.ts'
import { createHeap, roundUp } from './heap.ts'

const blame = () => ({ op: 'a test', site: null })

describe('the arena', () => {
  const over = (most: number) => {
    const heap = createHeap(most, () => null)
    const take = (bytes: number) => {
      const block = heap.take(bytes)
      if (block === null) throw new Error(`no room for ${bytes}`)
      return block
    }
    return { heap, arena: createArena(take, heap.give) }
  }

  it('is as large as the largest program that ran, and shrinks when that goes', () => {
    const { heap, arena } = over(1 << 20)
    for (const bytes of [1000, 5000, 5000, 0]) arena.claim(bytes)
    expect(heap.live()).toBe(0)
    expect(arena.at(0, blame)).toBe(0)
    arena.at(1000, blame)
    expect(heap.live()).toBe(roundUp(1000))
    const start = arena.at(5000, blame)
    expect(heap.live()).toBe(roundUp(5000))
    expect(arena.at(1000, blame)).toBe(start)
    arena.disclaim(5000)
    expect(heap.live()).toBe(roundUp(5000))
    arena.disclaim(5000)
    expect(heap.live()).toBe(0)
    arena.at(1000, blame)
    arena.disclaim(0)
    expect(heap.live()).toBe(roundUp(1000))
    arena.disclaim(1000)
    expect(heap.live()).toBe(0)
  })

  it('grows where only one of the two sizes fits at a time, and is as before where neither does', () => {
    const { heap, arena } = over(1 << 14)
    arena.claim(9000)
    arena.claim(12000)
    arena.at(9000, blame)
    arena.at(12000, blame)
    expect(heap.live()).toBe(roundUp(12000))
    expect(() => arena.at(1 << 15, blame)).toThrow(/no room/)
    arena.at(9000, blame)
    expect(heap.live()).toBe(roundUp(9000))
  })

  it('four programs of equal scratch hold what one holds, and none when they are gone', async () => {
    const device = wasmDevice()
    const x = await realizeAsync(ones([256, 256]), device)
    const before = device.stats().liveBytes
    const used: number[] = []
    const programs = [1, 2, 3, 4].map((k) => {
      const stand: Tensor = typed(parameter(x))
      let y = stand
      for (let i = 0; i < 4; i++) y = tanh(matmul(add(y, k), stand))
      return device.compile({ inputs: [stand], outputs: [sum()(y)], donated: [false] })
    })
    expect(device.stats().liveBytes).toBe(before)
    const storage = storageOfTensor(x)!
    for (const program of programs) {
      program.run([storage]).forEach(device.release)
      used.push(device.stats().liveBytes - before)
    }
    expect(used[0]).toBeGreaterThan(256 * 256 * 4)
    expect(used).toEqual(used.map(() => used[0]))
    programs.slice(1).forEach((p) => p.release())
    expect(device.stats().liveBytes - before).toBe(used[0])
    programs[0]!.release()
    expect(device.stats().liveBytes).toBe(before)
    expect(() => programs[0]!.run([storage])).toThrow(/can no longer run: it was released/)
    programs[0]!.release()
    expect((await readAsync(x))[0]).toBe(1)
  })
})
