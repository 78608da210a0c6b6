/** A device in linear memory: runs each call to its end before it returns. What computes is the machine's (machine.ts). */
import * as E from '../../base/either.ts'
import { showAval } from '../../base/errors.ts'
import type { Aval } from '../../graph/expr.ts'
import { schedule } from '../../compile/schedule.ts'
import { putDown, takeOn } from '../engine/ballast.ts'
import { bytesOf } from '../../base/aval.ts'
import { type Device, type DeviceError, DeviceFailure, type Storage } from '../../graph/device.ts'
import type { Blame } from '../blame.ts'
import { destroyed, noRoom } from '../failures.ts'
import { createArena } from './arena.ts'
import type { LinearDevice } from './face.ts'
import { loadProgram } from './executable.ts'
import type { Block } from './heap.ts'
import type { Host, ProgramHold } from './host.ts'
import type { Machine } from './machine.ts'
import { walkInTurn } from './walk.ts'
import { type Hold, LinearStorage, type Parcel } from './storage.ts'

/** A device over a machine's memory and kernels. */
export const linearDevice = <K extends Device['kind']>(machine: Machine<K>): LinearDevice<K> => {
  const { kind, label, room, capabilities, memory, kernels: compiled } = machine
  const outOfMemory = (bytes: number, blame: Blame): DeviceFailure =>
    noRoom(bytes, blame, `in the ${kind} device's memory of ${room}`)
  const living = new Set<ProgramHold>()
  let lost: DeviceError | null = null
  let kernels = 0
  let submits = 0

  const demandUsable = (): void => {
    if (lost !== null) throw new DeviceFailure(lost)
  }
  const free = ({ block, laden }: Parcel): void => {
    putDown(laden.load, laden.ballast)
    memory.give(block)
  }
  const collected = new FinalizationRegistry<Hold>((hold) => {
    if (hold.held !== null) free({ block: hold.held.block, laden: { load: hold.held.load, ballast: null } })
    hold.held = null
  })
  const take = (bytes: number, blame: Blame): Block => {
    demandUsable()
    const block = memory.take(bytes)
    if (block === null) throw outOfMemory(bytes, blame)
    return block
  }
  const arena = createArena(take, memory.give)
  const giveUp = (hold: ProgramHold, why: string): void => {
    if (hold.released !== null) return
    hold.released = why
    const callable = hold.callable.deref()
    if (callable !== undefined) callable.walk = () => 0
    arena.disclaim(hold.need)
    living.delete(hold)
  }
  const programs = new FinalizationRegistry<ProgramHold>((hold) => giveUp(hold, 'it was collected'))

  const load = (block: Block): Parcel => ({ block, laden: takeOn(block.bytes) })
  const hold = (parcel: Parcel, { shape, dtype }: Aval): LinearStorage => {
    const storage = new LinearStorage(device, { shape, dtype }, parcel)
    collected.register(storage, storage.hold, storage)
    return storage
  }
  const own = (storage: Storage): LinearStorage => {
    if (storage instanceof LinearStorage && storage.device === device) return storage
    throw new Error(`this tensor lives on another device (${storage.device.label}); read it there and pass the array`)
  }
  const host: Host = {
    memory,
    kernels: compiled,
    walk: machine.walk ?? walkInTurn(memory),
    arena,
    take,
    load,
    free,
    hold,
    own,
    surrender: (storage, why) => {
      collected.unregister(storage)
      return storage.surrender(why)
    },
    adopt: (callable, hold) => {
      living.add(hold)
      arena.claim(hold.need)
      programs.register(callable, hold)
    },
    giveUp,
    count: (n) => {
      kernels += n
      submits++
    },
  }
  const device: LinearDevice<K> = {
    kind,
    label,
    capabilities,
    compile: (graph) => device.load(schedule(capabilities)(graph)),
    load: (program) => {
      demandUsable()
      return loadProgram(host, program)
    },
    upload: (data, aval) => {
      const block = take(bytesOf(aval), { op: `upload of ${showAval(aval)}`, site: null })
      memory.write(block, data, aval.dtype)
      return hold(load(block), aval)
    },
    ...(machine.assembler !== undefined && { assemble: machine.assembler({ take, load, hold, free }) }),
    download: (storage) => () =>
      Promise.resolve(
        E.tryCatch(
          () => {
            const mine = own(storage)
            return memory.read(mine.block(), mine.aval)
          },
          (cause): DeviceError =>
            lost ?? {
              _tag: 'Validation',
              message: cause instanceof Error ? cause.message : String(cause),
              op: `read of ${showAval(storage.aval)}`,
              site: '',
            },
        ),
      ),
    release: (storage) => {
      const mine = own(storage)
      if (mine.gone() === null) free(host.surrender(mine, 'it was released'))
    },
    pace: () => Promise.resolve(), // work is done when it is handed over
    stats: () => ({
      liveBytes: memory.live(),
      peakBytes: memory.peak(),
      kernels,
      submits,
      created: memory.fresh() + compiled.made(),
      pipelines: compiled.made(),
    }),
    measured: machine.measured,
    lost: () => lost,
    destroy: () => {
      lost ??= destroyed(kind)
      for (const program of [...living]) giveUp(program, 'its device was destroyed')
      compiled.clear()
      memory.giveUp()
      return Promise.resolve()
    },
  }
  return device
}
