/** Test support: folders of a test file, and R1 performed once without interruption, which its tests compare with. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Device } from '@adjoint/tensor'
import { afterAll } from 'vitest'
import { testDevice } from '../run/device.support.ts'
import type { R1State } from './state.ts'
import { ended, performTiny } from './tiny.support.ts'

/** Paths of folders that are not there yet; they go when the tests of the file are done. */
export const freshFolders = async (name: string): Promise<() => string> => {
  const root = await mkdtemp(join(tmpdir(), `adjoint-${name}-`))
  afterAll(() => rm(root, { recursive: true }))
  let folders = 0
  return () => join(root, String(folders++))
}

interface Whole {
  readonly device: Device
  readonly fresh: () => string
  /** What an uninterrupted run leaves. */
  readonly whole: string
  /** Its state at the end. */
  readonly last: R1State
}
/** The tiny recipe on a device, in a folder below one that has `name` in its own. */
export const wholeRun = async (name: string): Promise<Whole> => {
  const device = await testDevice()
  const fresh = await freshFolders(name)
  const whole = fresh()
  return { device, fresh, whole, last: ended(await performTiny(device, whole)) }
}
