/** Calls into compiled code, by koffi. `#foreign` names this file in Node; a browser's bundle gets absent.ts in its place. */
import type { Foreign } from './library.ts'

/** Rejects where koffi is not installed. */
export const loadForeign = async (): Promise<Foreign> => (await import('koffi')).default
