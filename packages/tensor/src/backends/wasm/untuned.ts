/** In place of tuner.ts in a browser's bundle, which measuring would make 3 KB heavier for every page. */
import type { Tuner } from '../tuner/candidate.ts'
import type { Sharing } from './kernels.ts'
import type { WasmMemory } from './memory.ts'
import type { DotChoice } from './printer/kernel.ts'

export const tunerOver = (_memory: WasmMemory, _sharing: Sharing | null, _fused: boolean): Tuner<DotChoice> => {
  throw new RangeError('wasmDevice: tune measures products in Node only: leave it out in a browser')
}
