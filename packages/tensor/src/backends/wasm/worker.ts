/**
 * What a worker thread runs, as text: it is started from here and from nowhere else, so that a bundler needs to know nothing of it.
 *
 * It sleeps on the word of the state. Messages bring modules, and are read only where it goes back to its event loop, which it does when
 * the count of its mail has grown; so a message is posted first and counted then.
 */
import * as C from './control.ts'

/** Looks at the state before a worker sleeps. */
export const SPINS = 4000

/** `idle`: milliseconds without work after which a worker ends. */
export const workerSource = (idle: number): string => `'use strict'
const port = typeof require === 'function' ? require('node:worker_threads').parentPort : null
const functions = []
let words = null
let me = 0
let received = 0
let done = -1

const work = (thread) => {
  const f = functions[words[${C.AT.kernel}]]
  if (f === undefined) return // it is in the mail
  const units = words[${C.AT.units}]
  const chunk = words[${C.AT.chunk}]
  const given = Array.from(words.subarray(${C.AT.arguments}, ${C.AT.arguments} + words[${C.AT.count}]))
  given[given.length - 1] += thread * words[${C.AT.stride}]
  try {
    for (;;) {
      const from = Atomics.add(words, ${C.AT.next}, chunk)
      if (from >= units) return
      given[0] = from
      given[1] = Math.min(units, from + chunk)
      f(...given)
    }
  } catch (error) {
    Atomics.store(words, ${C.AT.next}, units)
    const text = String(error instanceof Error ? error.message : error).slice(0, ${C.MOST_LETTERS})
    if (Atomics.compareExchange(words, ${C.AT.failed}, 0, text.length + 1) !== 0) return
    for (let i = 0; i < text.length; i++) words[${C.AT.letters} + i] = text.charCodeAt(i)
  }
}
const leave = () => {
  Atomics.sub(words, ${C.AT.state}, 1)
  Atomics.add(words, ${C.AT.left}, 1)
  Atomics.notify(words, ${C.AT.left})
}
const end = () => {
  Atomics.store(words, ${C.AT.life} + me, ${C.ENDED})
  if (port === null) close()
  else port.close()
}
/** Works and sleeps, until there is mail or it ends. */
const serve = () => {
  for (;;) {
    const state = Atomics.load(words, ${C.AT.state})
    if (Atomics.load(words, ${C.AT.life} + me) !== ${C.LIVE}) return end()
    if (Atomics.load(words, ${C.AT.mail} + me) !== received) return
    const epoch = state >>> ${Math.log2(C.EPOCH)}
    if ((state & ${C.OPEN}) !== 0 && epoch !== done) {
      if (Atomics.compareExchange(words, ${C.AT.state}, state, state + 1) !== state) continue
      done = epoch
      const thread = Atomics.add(words, ${C.AT.joined}, 1) + 1
      if (thread < words[${C.AT.threads}]) work(thread)
      leave()
      continue
    }
    let spins = 0
    while (spins < ${SPINS} && Atomics.load(words, ${C.AT.state}) === state) spins++
    if (spins < ${SPINS}) continue
    Atomics.add(words, ${C.AT.asleep}, 1)
    const woken = Atomics.wait(words, ${C.AT.state}, state, ${idle})
    Atomics.sub(words, ${C.AT.asleep}, 1)
    if (woken === 'timed-out') Atomics.compareExchange(words, ${C.AT.life} + me, ${C.LIVE}, ${C.QUIT})
  }
}
const receive = (message) => {
  received++
  if (message.words !== undefined) {
    words = message.words
    me = message.place
    Atomics.compareExchange(words, ${C.AT.life} + me, ${C.STARTING}, ${C.LIVE})
  } else {
    const { module, memory, first, count } = message
    const { exports } = new WebAssembly.Instance(module, { env: { memory } })
    for (let i = 0; i < count; i++) functions[first + i] = exports[i]
  }
  if (received === Atomics.load(words, ${C.AT.mail} + me)) serve()
}
if (port === null) onmessage = ({ data }) => receive(data)
else port.on('message', receive)
`
