/** What the tests of every package share: arbitraries, random programs, tolerances, finite differences. */
export { presentDevices } from './devices.ts'
export {
  awkward,
  axesOf,
  between,
  broadcastablePairs,
  data,
  dims,
  distinct,
  elements,
  hostArray,
  permutations,
  positiveDims,
  shapes,
  type Data,
  type ShapeBounds,
} from './arbitraries.ts'
export { approximated, cases, placeholders, type Case } from './cases.ts'
export { fastClock, type TestClock, virtualClock, type VirtualClock } from './clock.ts'
export { close, mismatch, tolerances, type Tolerance } from './close.ts'
export { directionalDerivative, inner } from './differences.ts'
export { checkLaw, laws, samples, type Law, type Sample } from './laws.ts'
export { opPrograms } from './op-programs.ts'
export { programs, type RandomProgram } from './programs.ts'
export { buildUpdates, describeUpdates, feedsBack, playUpdates, updatePrograms, type UpdateProgram } from './updates.ts'
export { buildLoops, describeLoops, loopPrograms, meaningOfLoops, type LoopProgram } from './loops.ts'
