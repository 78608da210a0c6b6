/** In place of kept.ts where there is no Node. */
import type { Winners } from './candidate.ts'

export const keptWinners = (_engine: string): Winners | null => null
