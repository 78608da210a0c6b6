/**
 * What a program says to the page, in parcels: the first at once, then ten a second, whatever it prints meanwhile, so that a loop that
 * prints without end does not drown the page. It never returns to its event loop, so that the clock is asked and no timer.
 */
import type { FromProgram, Said } from './messages.ts'

/** Milliseconds between two parcels. */
const APART = 100
/** Lines and points that one parcel holds; of more, the latest. */
const MOST = 500

let waiting: Said[] = []
/** Of what waited, what no parcel holds. */
let lost = 0
let sent = -Infinity
let timer: ReturnType<typeof setTimeout> | null = null

const post = (message: FromProgram): void => self.postMessage(message)

/** Hands on what waits. */
export const flush = (): void => {
  if (timer !== null) clearTimeout(timer)
  timer = null
  sent = performance.now()
  lost += Math.max(0, waiting.length - MOST)
  const said = waiting.slice(-MOST)
  if (said.length > 0) post({ type: 'said', said, lost })
  waiting = []
  lost = 0
}

export const speak = (said: Said): void => {
  waiting.push(said)
  if (waiting.length > 2 * MOST) {
    lost += waiting.length - MOST
    waiting = waiting.slice(-MOST)
  }
  if (performance.now() - sent >= APART) flush()
  else timer ??= setTimeout(flush, APART)
}

/** The end of the program, after all that it said. */
export const finish = (message: FromProgram): void => {
  flush()
  post(message)
}
