/** Winners that outlive the process, in Node. `#winners` names this file there; a browser's bundle gets absent.ts in its place. */
import { findDisk } from '../engine/disk.ts'
import { openStore } from '../engine/store.ts'
import type { Winners } from './candidate.ts'
import { winnersIn } from './winners.ts'

/** `engine`: what runs the code, and how. Null where there is no disk. */
export const keptWinners = (engine: string): Winners | null => {
  const disk = findDisk()
  if (disk === null) return null
  const { v8 } = globalThis.process.versions
  const machine = JSON.stringify([engine, v8, disk.os.arch(), disk.os.cpus()[0]?.model])
  return winnersIn(disk, openStore(disk), machine)
}
