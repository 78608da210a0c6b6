/**
 * GRPO of policies of three kinds: a lookup table, a mixture of experts and a recurrent network learn short chains from a cold
 * start and then from reward, by the same steps as a transformer does.
 */
import { describeError } from '@adjoint/rl'
import { requestDeviceAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { tableText } from '../cli/table.ts'
import { kinds, train } from './train.ts'

const device = await requestDeviceAsync({ kind: 'wasm' })
const rows = []
for (const [name, of] of Object.entries(kinds)) {
  const trained = await train(of, device, { sftSteps: 300, steps: 60 })()
  if (E.isLeft(trained)) throw new Error(describeError(trained.left))
  const { params, before, after } = trained.right
  rows.push([name, String(params), before.toFixed(3), after.toFixed(3)])
}
console.log(tableText(['policy', 'parameters', 'pass@1 after SFT', 'after GRPO'], rows))
await device.destroy()
