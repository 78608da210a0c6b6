// What scripts/test-devices.ts tells every test: `inject('devices')`.
import 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Names of the devices this machine has, in the order reference, wasm, webgpu. */
    readonly devices: readonly string[]
  }
}
