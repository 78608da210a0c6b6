/**
 * What WebGPU's objects weigh: their wrappers are a few bytes to the engine's collector, and Dawn frees the object when the
 * wrapper is collected.
 */
import { type Load, putDown, takeOn } from '../engine/ballast.ts'

const ballasts = new WeakMap<object, ArrayBuffer>()
const collected = new FinalizationRegistry<Load>((load) => putDown(load, null))

/** Gives an object of the device's the weight that it has in truth, until it is collected. */
export const weigh = <T extends object>(thing: T, bytes: number): T => {
  if (bytes === 0) return thing
  const { load, ballast } = takeOn(bytes)
  if (ballast !== null) ballasts.set(thing, ballast)
  collected.register(thing, load)
  return thing
}
