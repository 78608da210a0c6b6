/**
 * The wasm device: programs as WebAssembly SIMD in this process, over one memory. It needs nothing, is made at once, and
 * runs each call to its end before it returns.
 */
import type { Capabilities } from '../../compile/capabilities.ts'
import { type LinearDevice, linearDevice } from '../linear/device.ts'
import { createKernels } from './kernels.ts'
import { createMemory } from './memory.ts'

export interface WasmOptions {
  /** Most pages of 64 KiB that the device's memory may have; 65,536 (4 GiB) unless said otherwise. */
  readonly maximumPages?: number
}

export type WasmDevice = LinearDevice<'wasm'>

const capabilities: Capabilities = {
  orderedStores: true,
  longestRow: Infinity,
  lanes: 1,
  bindings: 64,
  reproducible: true,
  slab: Infinity,
  templates: new Set(),
  skips: true,
}

/**
 * Opens a device on WebAssembly SIMD.
 *
 * @example
 * ```ts
 * import { wasmDevice } from '@adjoint/tensor'
 * console.log(wasmDevice().kind) // wasm
 * ```
 */
export const wasmDevice = ({ maximumPages }: WasmOptions = {}): WasmDevice => {
  const memory = createMemory(maximumPages)
  return linearDevice({
    kind: 'wasm',
    label: 'WebAssembly SIMD',
    room: 'at most 4 GiB',
    capabilities,
    memory,
    kernels: createKernels(memory.memory),
  })
}
