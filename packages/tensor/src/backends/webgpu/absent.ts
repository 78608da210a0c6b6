/** In place of dawn.ts where there is no Node. */
import type { Binding } from './dawn.ts'

export const loadDawn = (): Promise<Binding> => Promise.reject(new Error('this browser has no WebGPU'))
