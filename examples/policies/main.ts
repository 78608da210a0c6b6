/**
 * GRPO of policies of three kinds: a lookup table, a mixture of experts and a recurrent network see a few demonstrations and then
 * learn from reward, by the same steps as a transformer does. All learn the template; how often the answer is right depends on
 * what a policy can remember.
 * Takes 10 s.
 */
import { describeError } from '@adjoint/rl'
import { requestDeviceAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { tableText } from '../cli/table.ts'
import { kinds } from './train.ts'

const device = await requestDeviceAsync()
const rows = []
for (const [name, train] of Object.entries(kinds)) {
  const trained = await train(device, 80)()
  if (E.isLeft(trained)) throw new Error(describeError(trained.left))
  const { params, before, after } = trained.right
  const figures = [before, after].flatMap(({ formatRate, passAt1 }) => [formatRate.toFixed(3), passAt1.toFixed(3)])
  rows.push([name, String(params), ...figures])
}
console.log(tableText(['policy', 'parameters', 'format, cold', 'pass@1', 'format, GRPO', 'pass@1'], rows))
await device.destroy()
