/** The devices a test runs on: all that this machine has, as the run's setup found them. */
import { type Device, requestDeviceAsync } from '@adjoint/tensor'
import { inject } from 'vitest'

/** The same laws run in a browser, which has no process. */
const host = globalThis as { readonly process?: { readonly env: Readonly<Record<string, string | undefined>> } }
const kinds = ['reference', 'wasm', 'native', 'webgpu'] as const

/**
 * Every device present, opened. A test file asks once, at its top level. Each new kernel costs native a run of the compiler, so that
 * the laws run there where ADJOINT_REQUIRE_DEVICES names it, and its own tests always.
 */
export const presentDevices = (): Promise<readonly Device[]> => {
  const required = (host.process?.env['ADJOINT_REQUIRE_DEVICES'] ?? '').split(',')
  return Promise.all(
    kinds
      .filter((kind) => inject('devices').includes(kind) && (kind !== 'native' || required.includes(kind)))
      .map((kind) => requestDeviceAsync({ kind })),
  )
}
