/** The devices a test runs on: all that this machine has, as the run's setup found them. */
import { type Device, requestDeviceAsync } from '@adjoint/tensor'
import { inject } from 'vitest'

const kinds = ['reference', 'wasm', 'native', 'webgpu'] as const

/** Every device present, opened. A test file asks once, at its top level. */
export const presentDevices = (): Promise<readonly Device[]> =>
  Promise.all(kinds.filter((kind) => inject('devices').includes(kind)).map((kind) => requestDeviceAsync({ kind })))
