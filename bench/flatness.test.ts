// Memory over the steps of a loop, for each way of writing one, on every device. The long runs are `npm run -s flat`.
import { presentDevices } from '@adjoint/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { type Flatness, growth, measure } from './flatness.ts'
import { type Loop, loops } from './loops.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

describe.each(devices.map((device) => [device.kind, device] as const))(
  'on %s a loop holds its state alone',
  (kind, device) => {
    const measured = measure(device, { steps: kind === 'wasm' ? 300 : 100, size: 1 << 15 })
    it.each(loops.map((loop) => [loop.name, loop] as const))(
      '%s',
      async (_, loop) => {
        expect(growth(await measured(loop))).toEqual([])
      },
      120_000,
    )
  },
)

describe('the measure itself', () => {
  const past: unknown[] = []
  const holds = (keep: () => unknown): Loop => ({
    name: 'holds on',
    start: () => Promise.resolve(() => Promise.resolve(void past.push(keep()))),
  })
  const [device] = devices
  const grown = async (keep: () => unknown): Promise<Flatness> => {
    const flatness = await measure(device!, { steps: 50, size: 1 })(holds(keep))
    past.length = 0
    return flatness
  }
  it('sees objects held', async () => {
    expect(growth(await grown(() => new Array<number>(1 << 16).fill(0.5)))).toContainEqual(
      expect.stringMatching(/^heap/),
    )
  })
  it('sees arrays held', async () => {
    expect(growth(await grown(() => new Float32Array(1 << 18)))).toContainEqual(expect.stringMatching(/^heap/))
  })
  it('sees nothing where nothing is held', async () => {
    expect(growth(await grown(() => 1))).toEqual([])
  })
})
