/** Programs that tell the host of values (`debugPrint`): it is told when they were read, in the order of the runs. */
import * as E from '../base/either.ts'
import type { Computation, Device, Executable, Storage } from '../graph/device.ts'

/** Of each device: what it is still to tell of, until all was told. */
const pending = new WeakMap<Device, Promise<void>>()

/** Waits until a device has told of all runs so far, where it has anything to tell: what was printed stands there before results do. */
export const allTold = async (device: Device): Promise<void> => {
  const rest = pending.get(device)
  if (rest !== undefined) await rest
}

/** The values of storages, read now and given up then. */
const taken = async (device: Device, storages: readonly Storage[]) => {
  const read = await Promise.all(storages.map((storage) => device.download(storage)()))
  for (const storage of storages) if (device.lost() === null && storage.gone() === null) device.release(storage)
  return read
}

/** The program of a graph, which runs as that of `device.compile` does; what it tells is told. */
export const compileTelling = (device: Device, computation: Computation): Executable => {
  const executable = device.compile(computation)
  const { program } = executable
  if (program === null || program.told === null) return executable
  const { count, tell } = program.told
  return {
    ...executable,
    run: (inputs, timed) => {
      const all = executable.run(inputs, timed)
      const storages = all.slice(all.length - count)
      const reads = taken(device, storages)
      const before = pending.get(device) ?? Promise.resolve()
      const now = before
        .then(() => reads)
        .then((read) => {
          const failed = read.find(E.isLeft)
          // Of a program that failed the results tell what was wrong; that nothing was printed is said here.
          if (failed !== undefined) console.warn(`debugPrint: nothing to print, for ${failed.left.message}`)
          else
            tell(
              read.flatMap((x, i) => (E.isLeft(x) ? [] : [{ ...storages[i]!.aval, data: Float64Array.from(x.right) }])),
            )
        })
        .finally(() => {
          if (pending.get(device) === now) pending.delete(device)
        })
      pending.set(device, now)
      return all.slice(0, all.length - count)
    },
  }
}
