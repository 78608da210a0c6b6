/** Runs as event files that TensorBoard opens: `tensorboard --logdir DIR`. */
import * as E from 'fp-ts/lib/Either.js'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Run } from '../run.ts'
import { firstRecord, recordsOf } from './events.ts'
import { eventsOf } from './scalars.ts'

/** Always the same name: files that are written again take the place of those before, and nothing is shown twice. */
const FILE = 'events.out.tfevents.0.adjoint'

/**
 * Writes the phases of runs into a folder, one file each, whole or not at all. Right: how many. Left: one sentence on why they
 * cannot be written; then some may have been.
 */
export const writeEvents = async (folder: string, runs: readonly Run[]): Promise<E.Either<string, number>> => {
  const all = runs.flatMap(eventsOf)
  for (const { folder: below, events } of all) {
    const path = join(folder, below)
    const part = join(path, `.${process.pid}.part`)
    try {
      await mkdir(path, { recursive: true })
      await writeFile(part, Buffer.concat([firstRecord(events[0]!.time), recordsOf(events)]))
      await rename(part, join(path, FILE))
    } catch (thrown) {
      // What was thrown first is said; that its rest could not be cleared away would only hide it.
      await rm(part, { force: true }).catch(() => undefined)
      return E.left(`${path} cannot be written: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    }
  }
  return E.right(all.length)
}
