/** What a device can be asked for by, in a call or in the environment variable ADJOINT_DEVICE. */
import type { Device } from '../graph/device.ts'

/** What a device can be asked for by; `cpu` is the fastest that needs no GPU: native where there is a C compiler, else wasm. */
export type DeviceKind = Device['kind'] | 'cpu'

const kinds: Readonly<Record<DeviceKind, true>> = { webgpu: true, native: true, wasm: true, cpu: true, reference: true }

export const isKind = (name: string): name is DeviceKind => Object.hasOwn(kinds, name)

/** What ADJOINT_DEVICE says; '' where it says nothing. */
export const environment = (): string =>
  (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.['ADJOINT_DEVICE'] ?? ''

/** What to tell who asked for a device that does not exist. `source`: 'the call asks' or 'ADJOINT_DEVICE asks'. */
export const noSuchKind = (source: string, name: string): string =>
  `${source} for a device '${name}', which does not exist. Choose one of ${Object.keys(kinds).join(', ')}.`
