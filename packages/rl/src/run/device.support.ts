/** Test support: a device for the tests of a file, and what a task comes to. */
import { type Device, requestDeviceAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll } from 'vitest'
import { describeError, type RunError } from './errors.ts'

/** A device until the tests of the file are done: `const device = await testDevice()` on its outermost level. */
export const testDevice = async (kind: 'wasm' | 'reference' = 'wasm'): Promise<Device> => {
  const device = await requestDeviceAsync({ kind })
  afterAll(() => device.destroy())
  return device
}

/** What a task comes to; its failure is thrown. */
export const right = async <A>(task: TE.TaskEither<RunError, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(describeError(result.left))
  return result.right
}
