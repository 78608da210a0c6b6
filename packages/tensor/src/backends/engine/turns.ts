/**
 * Turns of the event loop. The engine runs finalizers between turns only, and a promise that is settled already does not
 * make one: a loop that awaits nothing else never gets back what the collector has found. So whoever awaits a result waits
 * for a turn, once much memory was taken since the last.
 */

/** Bytes taken within one turn after which an awaiting call gives the loop another. */
const TURN_BYTES = 2 ** 26
/** What a block costs beside its bytes: the objects that its finalizer holds. */
const OVERHEAD = 2 ** 10

const host = globalThis as { readonly setImmediate?: (f: () => void) => unknown }
/** As it is now: others may put one of their own in its place for a while. */
const later: (f: () => void) => unknown = host.setImmediate ?? ((f) => setTimeout(f, 0))
const after = globalThis.setTimeout

let taken = 0

/** Counts memory outside the engine's heap, until the loop turns. */
export const noteTaken = (bytes: number): void => {
  if (taken === 0) later(() => (taken = 0))
  taken += bytes + OVERHEAD
}

/** Waits for the event loop to turn. */
export const turn = (): Promise<void> => new Promise((resolve) => void later(resolve))

/** Waits for a turn where much was taken since the last, so that finalizers run. */
export const breathe = async (): Promise<void> => {
  if (taken >= TURN_BYTES) await turn()
}

/** Turns to wait for finalizers before memory that was refused is asked for again. */
const TURNS = 4

/**
 * Waits until finalizers have had their chance: the collector queues them in one turn and they run in the next. The
 * collector itself marks beside the program, in its own time, so that each further try leaves it four times as long: 1 ms,
 * 4, 16, ...
 */
export const settle = async (tries: number): Promise<void> => {
  await new Promise((resolve) => void after(resolve, 4 ** tries))
  for (let i = 0; i < TURNS; i++) await turn()
}

/** For messages about memory that has run out: how much of it a loop without an await keeps from the collector. */
export const sayUncollected = (): string => {
  const megabytes = Math.round(taken / 2 ** 20)
  return megabytes === 0
    ? ''
    : ` ${megabytes} MiB were taken since the program last awaited: a loop that never awaits frees nothing. Await a \`read\` or \`realize\` every few steps.`
}
