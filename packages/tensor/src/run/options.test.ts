import { expect, it } from 'vitest'
import { debugNans, exp, nativeDevice, requestDevice, requestDeviceAsync, wasmDevice, webgpuDevice } from '../index.ts'

type Configured = (given: never) => unknown
const configured: Readonly<Record<string, Configured>> = {
  ...{ wasmDevice, nativeDevice, webgpuDevice, requestDevice },
  debugNans: (given) => debugNans(exp, given),
}

it.each(Object.entries(configured))('%s says which options it has, where one is not among them', (name, configure) => {
  const given = (options: unknown) => () => configure(options as never)
  expect(given({ misspelt: 1 })).toThrow(new RegExp(`^${name}: it has no option 'misspelt'. Its options? (is|are) \\w`))
  expect(given(3)).toThrow(new RegExp(`^${name}: its options are the number 3, not an object`))
})

it('rejects where a device is promised', async () => {
  await expect(requestDeviceAsync({ type: 'wasm' } as never)).rejects.toThrow("requestDevice: it has no option 'type'")
})
