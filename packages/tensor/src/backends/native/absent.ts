/** In place of foreign.ts where there is no Node. */
import type { Foreign } from './library.ts'

export const loadForeign = (): Promise<Foreign> => Promise.reject(new Error('it runs in Node only'))
