/** The command line of r1. */
import * as E from 'fp-ts/lib/Either.js'
import { type CommonValues, common, count, counts, type Flag, type FlagsOf, real } from '../cli/flags.ts'

export interface Flags extends CommonValues {
  readonly seeds: readonly number[]
  /** One seed in place of `seeds`; null: those. */
  readonly seed: number | null
  readonly scale: number
  readonly exam: number
  readonly resume: boolean
}

const one: Flag<number | null> = {
  value: 'N',
  about: 'one seed, in place of --seeds',
  decode: (name, given) => (given[name] === undefined ? E.right(null) : common.seed.decode(name, given)),
}

export const flags: FlagsOf<Flags> = {
  seeds: counts('seeds to run, one after the other', [0, 1, 2]),
  seed: one,
  scale: real('all steps and traces times this: 0.1 to try it out', 1, { min: 0 }),
  exam: count('held-out problems of an exam, 16 samples each', 256, { min: 1 }),
  device: common.device,
  out: common.out,
  resume: common.resume,
  json: common.json,
  help: common.help,
}

/** The seeds that were asked for. */
export const seedsOf = ({ seed, seeds }: Flags): readonly number[] => (seed === null ? seeds : [seed])
