/** Work that is tried again where memory has run out: what holds it is under way, or garbage. */
import type * as TE from 'fp-ts/lib/TaskEither.js'
import * as E from '../base/either.ts'
import { settle } from '../backends/engine/turns.ts'
import { type Device, type DeviceError, DeviceFailure } from '../graph/device.ts'

/** Times that work is tried again after memory ran out, finalizers having had their turn: 1.4 s of waiting in all. */
const TRIES = 6

/** Runs `body` now. Failures of the world are returned; memory that runs out is first waited for: work under way holds it, and garbage. */
export const attempt =
  <A>(device: Device, body: () => A): TE.TaskEither<DeviceError, A> =>
  async () => {
    for (let tries = 0; ; tries++) {
      const lost = device.lost()
      if (lost !== null) return E.left(lost)
      try {
        return E.right(body())
      } catch (error) {
        if (!(error instanceof DeviceFailure)) throw error
        if (error.error._tag !== 'OutOfMemory' || tries === TRIES) return E.left(error.error)
        await device.pace()
        await settle(tries)
      }
    }
  }
