/** The command line of stale: that of variants, with a length of its own. */
import { count, type FlagsOf } from '../cli/flags.ts'
import { type Flags, flags as ofVariants } from '../variants/flags.ts'

export type { Flags }

export const flags: FlagsOf<Flags> = { ...ofVariants, steps: count('steps of RL of each run', 50) }
