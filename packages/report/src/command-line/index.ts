/**
 * Command lines, read in one way: the examples, the benchmarks, the viewer and the scripts of the repository.
 *
 * @packageDocumentation
 */
export {
  type Answer,
  answer,
  type Command,
  type Read,
  readCommand,
  readProcess,
  usageOf,
  type Words,
} from './command.ts'
export {
  choice,
  choices,
  count,
  counts,
  device,
  DEVICES,
  type Flag,
  type FlagsOf,
  folder,
  type Given,
  help,
  real,
  text,
  toggle,
  valued,
} from './flags.ts'
