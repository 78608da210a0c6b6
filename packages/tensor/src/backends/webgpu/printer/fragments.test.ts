import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutOf, type MatrixConfig, matricesOf, matrixCuts, memoryOf, tileOf } from './fragments.ts'
import { dotTiles, hardwareTuning } from './tuning.ts'

const config = (M: number, N: number, K: number, from = 'f16', to = 'f32'): MatrixConfig => ({
  ...{ componentType: from, resultComponentType: to, M, N, K },
})
const offer = (configs: readonly MatrixConfig[], subgroup = 32, memory = 49_152) => ({
  ...{ configs, subgroupMinSize: subgroup, subgroupMaxSize: subgroup, memory },
})

describe('the subgroup matrices that are used', () => {
  it('are of f16 with sums in f32, of most multiplications, the first of equals', () => {
    const all = [
      config(16, 16, 16, 'f16', 'f16'),
      config(8, 8, 8, 'f32', 'f32'),
      config(16, 16, 32, 'u8', 'u32'),
      config(16, 8, 8),
      config(16, 8, 16),
      config(8, 16, 16),
    ]
    expect(matricesOf(offer(all))).toEqual({ m: 16, n: 8, k: 16, subgroup: 32, memory: 49_152 })
    expect(matricesOf(offer(all.slice(0, 3)))).toBe(null)
    expect(matricesOf(offer([]))).toBe(null)
  })
  it('are none where subgroups vary, where sizes are not aligned, or where no tile fits', () => {
    const one = [config(16, 16, 16)]
    expect(matricesOf({ ...offer(one), subgroupMinSize: 16 })).toBe(null)
    expect(matricesOf(offer(one, 0))).toBe(null)
    expect(matricesOf(offer([config(16, 16, 4)]))).toBe(null)
    expect(matricesOf(offer(one, 128))).toBe(null)
    expect(matricesOf(offer(one, 32, 4096))).toBe(null)
    expect(matricesOf(offer(one, 32, 16_384))).not.toBe(null)
  })
  it('cut any product into tiles that fit: whole fragments, at most 256 lanes, steps of whole matrices', () => {
    const dimension = fc.constantFrom(8, 16, 24, 32)
    const size = fc.integer({ min: 1, max: 5000 })
    fc.assert(
      fc.property(
        fc.tuple(dimension, dimension, dimension),
        fc.constantFrom(8, 16, 32, 64),
        fc.constantFrom(16_384, 32_768, 49_152),
        fc.tuple(size, size, size),
        ([M, N, K], subgroup, memory, [m, n, batch]) => {
          const matrices = matricesOf(offer([config(M, N, K)], subgroup, memory))
          fc.pre(matrices !== null)
          const cuts = matrixCuts(matrices, m, n, batch)
          expect(cuts[0]!.choice).toEqual(cutOf(matrices, m, n, batch))
          expect(new Set(cuts.map(({ name }) => name)).size).toBe(cuts.length)
          for (const { choice: cut } of cuts) {
            expect(memoryOf(matrices, cut)).toBeLessThanOrEqual(memory)
            expect(cut.down * cut.across * subgroup).toBeLessThanOrEqual(256)
            expect(cut.depth % K).toBe(0)
          }
        },
      ),
      { seed: 5 },
    )
  })
  it('have large tiles for large products, small ones where there would be few, or little of each inside', () => {
    const matrices = matricesOf(offer([config(16, 16, 16)]))!
    const tile = (m: number, n: number, batch = 1) => tileOf(matrices, cutOf(matrices, m, n, batch))
    expect(tile(4096, 4096)).toEqual([128, 128])
    expect(tile(1024, 1024)).toEqual([128, 64])
    expect(tile(512, 512)).toEqual([32, 32])
    expect(tile(512, 512, 2)).toEqual([64, 64])
    expect(tile(16, 32_000)).toEqual([32, 32])
  })
})

describe('plain tiles', () => {
  it('are 128 x 64 for large products on a GPU, and the tuner tries those of before', () => {
    const large = { lanesM: 16, lanesN: 16, perM: 8, perN: 4, depth: 16 }
    expect(hardwareTuning.dot(4096, 4096, 4096, 1)).toEqual(large)
    expect(hardwareTuning.dot(1024, 1024, 1024, 1)).toEqual(large)
    expect(hardwareTuning.dot(512, 512, 512, 1)).toEqual({ ...large, perM: 4 })
    const tried = dotTiles(hardwareTuning, 4096, 4096, 4096, 1).map(({ choice }) => choice)
    expect(tried).toContainEqual({ ...large, perM: 4 })
    expect(4 * large.depth * (128 + 64)).toBeLessThanOrEqual(16_384)
  })
})
