/** The worker of the page: opens the device, asks the session for one event after the other, and hands them on. */
import { type Device, devices, requestDeviceAsync } from '@adjoint/tensor'
import type { FromWorker, ToWorker } from './events.ts'
import { type Colds, train } from './session.ts'
import { DEFAULTS, type Learning, type Settings } from './settings.ts'

const say = (message: FromWorker): void => self.postMessage(message)
/** Messages are read between turns of the event loop only. */
const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0))

let learning: Learning = DEFAULTS
/** The run that goes on; those before it end at their next event. */
let current = 0
let paused: { readonly over: Promise<void>; readonly end: () => void } | null = null
let last: Promise<void> = Promise.resolve()
const colds: Colds = new Map()
const opened = new Map<string, Promise<Device>>()

const resume = (): void => {
  paused?.end()
  paused = null
}
const pause = (): void => {
  if (paused !== null) return
  let end = (): void => undefined
  const over = new Promise<void>((resolve) => (end = resolve))
  paused = { over, end }
}

/** Devices are kept, with what was compiled for them. */
const deviceOf = (kind: Settings['device']): Promise<Device> => {
  const known = opened.get(kind)
  if (known !== undefined) return known
  const made = requestDeviceAsync(kind === 'auto' ? {} : { kind })
  opened.set(kind, made)
  // Whoever awaits it is told; here it is only forgotten, so that the next start tries again.
  made.catch(() => opened.delete(kind))
  return made
}

const follow = async (run: number, settings: Settings): Promise<void> => {
  try {
    for await (const event of train(await deviceOf(settings.device), settings, () => learning, colds)) {
      if (run !== current) return
      say({ type: 'event', run, event })
      await turn()
      await paused?.over
    }
  } catch (error) {
    say({ type: 'failed', run, message: error instanceof Error ? error.message : String(error) })
  }
}

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  switch (data.type) {
    case 'start': {
      current = data.run
      learning = data.settings
      resume()
      // One after the other: the run before ends at its next event.
      last = last.then(() => follow(data.run, data.settings))
      return
    }
    case 'pause':
      pause()
      return
    case 'resume':
      resume()
      return
    case 'stop':
      current = -1
      resume()
      return
    case 'learning':
      learning = data.learning
      return
  }
})

devices().then(
  (found) => say({ type: 'devices', devices: found, threads: self.crossOriginIsolated }),
  (error: unknown) => say({ type: 'failed', run: -1, message: String(error) }),
)
