/** What the device needs of the system it runs on. Loaded when it is asked for, so that a browser's bundle never has it. */
import type * as ChildProcess from 'node:child_process'
import { type Disk, findDisk } from '../engine/disk.ts'
import { loadForeign } from './foreign.ts'
import type { Foreign } from './library.ts'

export interface System extends Disk {
  readonly process: typeof ChildProcess
  readonly foreign: Foreign
}

/** Rejects where there is no Node, or where koffi is not installed. */
export const loadSystem = async (): Promise<System> => {
  const disk = findDisk()
  if (disk === null) throw new Error('it runs in Node only')
  return {
    ...disk,
    process: globalThis.process.getBuiltinModule('node:child_process'),
    foreign: await loadForeign(),
  }
}
