/** Calls into compiled code, by koffi. */
import type { Foreign } from './library.ts'

/** Rejects where koffi is not installed. */
export const loadForeign = async (): Promise<Foreign> => (await import('koffi')).default
