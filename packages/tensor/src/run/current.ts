/** The device of calls that name none and whose arguments are on none. */
import { demandDevice, type Device } from '../graph/device.ts'
import { type DeviceKind, environment, isKind, noSuchKind } from './kind.ts'
import { referenceDevice } from '../backends/reference/reference.ts'
import { wasmDevice } from '../backends/wasm/device.ts'

let current: Device | null = null

const toBeAwaited = (kind: DeviceKind): never => {
  throw new Error(
    `ADJOINT_DEVICE asks for ${kind}, which opens only while it is awaited, and this call names no device and none was set. ` +
      'Start the program with `setDefaultDevice(await requestDeviceAsync())`, or name a device in the call.',
  )
}

const openNow: Readonly<Record<DeviceKind, () => Device>> = {
  wasm: wasmDevice,
  cpu: wasmDevice, // native opens only while it is awaited
  reference: referenceDevice,
  native: () => toBeAwaited('native'),
  webgpu: () => toBeAwaited('webgpu'),
}

/**
 * The default device: what `setDefaultDevice` was given, else the device that ADJOINT_DEVICE names, else a wasm device,
 * which needs nothing and opens at once. Throws where ADJOINT_DEVICE names a device that does not exist, or one that must be awaited.
 */
export const currentDevice = (): Device => {
  if (current !== null) return current
  const name = environment() || 'cpu'
  if (!isKind(name)) throw new Error(noSuchKind('ADJOINT_DEVICE asks', name))
  return (current = openNow[name]())
}

/**
 * Makes a device the default of `jit`, `readAsync` and `realizeAsync`. Pass it once at the start of a program; library
 * code should take a device instead. Without it they run on the device that
 * ADJOINT_DEVICE names, else on the CPU: natively where there is a compiler, else on wasm.
 */
export const setDefaultDevice = (device: Device): void => {
  demandDevice('setDefaultDevice', device)
  current = device
}
