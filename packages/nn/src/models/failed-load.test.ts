// A load that fails anywhere gives back what it took: the memory of the device, and the files that were open.
import { presentDevices } from '@adjoint/testing'
import { random, readAsync, tree } from '@adjoint/tensor'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Files } from '../io/files.ts'
import { filesIn } from '../io/files.support.ts'
import { transformer } from '../transformer.ts'
import { llama } from './llama.ts'
import { loadModel, loadModelAsync } from './load.ts'
import { saveModelAsync } from './save.ts'

const model = transformer(llama({ vocab: 96, width: 32, layers: 3, heads: 4, kvHeads: 2, hidden: 80, context: 16 }))
const disk = filesIn(new Map())
const path = 'm'
/** Files whose reading fails after so many times, or counts them. */
const failing = (after: number): { readonly files: Files; readonly reads: () => number } => {
  let reads = 0
  return {
    reads: () => reads,
    files: {
      ...disk,
      open: async (at) => {
        const file = await disk.open(at)
        return {
          ...file,
          read: (from, into) =>
            reads++ >= after
              ? Promise.reject(Object.assign(new Error('EIO: no'), { code: 'EIO' }))
              : file.read(from, into),
        }
      },
    },
  }
}
beforeAll(() => saveModelAsync({ path, files: disk, maxShardBytes: 40_000 })(model, model.init(random.key(0))))

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('on %s', (_, device) => {
  test('wherever a load fails, as many bytes live on the device as before, and no file is open', async () => {
    const { files, reads } = failing(Infinity)
    const { params } = await loadModelAsync({ path, device, files })
    const all = reads()
    expect(all).toBeGreaterThan(20)
    const before = device.stats().liveBytes
    await fc.assert(
      fc.asyncProperty(fc.nat(all - 1), async (after) => {
        const outcome = await loadModel({ path, device, files: failing(after).files })()
        expect(outcome).toMatchObject({ left: { _tag: 'FileSystem' } })
        expect(device.stats().liveBytes - before).toBeLessThanOrEqual(0)
        expect(disk.record.open).toBe(0)
      }),
      { seed: 1, numRuns: 20 },
    )
    // and what was loaded is not touched by it
    expect((await readAsync(tree.leaves(params)[0]!)).some((x) => x !== 0)).toBe(true)
  })
})
