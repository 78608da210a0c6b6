/**
 * Tensors are freed when the garbage collector finds them unreachable; but to the collector a tensor is a small object,
 * however much device memory hangs on it, so that it would rarely come. This asks it to come when much was taken.
 */

/** Bytes taken since the event loop last turned, after which reading waits a turn: finalizers run between turns. */
const TURN_BYTES = 1 << 26
/** Bytes taken since the last collection, after which one is asked for. */
const COLLECTION_BYTES = 1 << 28

/** The engine's own collection, where it can be had: always in Node, else with the engine's flag. */
const engineCollector = (): (() => void) => {
  if (globalThis.gc !== undefined) return () => globalThis.gc?.()
  try {
    const { setFlagsFromString } = process.getBuiltinModule('node:v8')
    const { runInNewContext } = process.getBuiltinModule('node:vm')
    setFlagsFromString('--expose-gc')
    const collect: unknown = runInNewContext('gc')
    setFlagsFromString('--no-expose-gc')
    if (typeof collect === 'function') return () => void Reflect.apply(collect, undefined, [])
  } catch {
    // Not in Node: the collector comes when it will.
  }
  return () => undefined
}
let collect: (() => void) | null = null

export interface Collection {
  readonly took: (bytes: number) => void
  /** Lets finalizers run where it is worth the wait. */
  readonly breathe: () => Promise<void>
}

export const createCollection = (): Collection => {
  let sinceTurn = 0
  let sinceCollection = 0
  return {
    took: (bytes) => {
      sinceTurn += bytes
      sinceCollection += bytes
    },
    breathe: async () => {
      if (sinceTurn < TURN_BYTES) return
      sinceTurn = 0
      if (sinceCollection >= COLLECTION_BYTES) {
        sinceCollection = 0
        collect ??= engineCollector()
        collect()
      }
      await new Promise<void>((resolve) => void setImmediate(resolve))
    },
  }
}
