/** The device of calls that name none and whose arguments are on none. */
import type { Device } from './device.ts'
import { wasmDevice } from './wasm/device.ts'

let current: Device | null = null

/** The default device: what `setDefaultDevice` was given, else a wasm device, which needs nothing. */
export const currentDevice = (): Device => (current ??= wasmDevice())

/**
 * Makes a device the default of `jit`, `readAsync` and `realizeAsync`. Pass it once at the start of a program; library
 * code should take a device instead.
 */
export const setDefaultDevice = (device: Device): void => {
  current = device
}
