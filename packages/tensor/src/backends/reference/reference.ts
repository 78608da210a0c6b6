/** The reference device: interprets graphs in double precision. Slow, exact, and the oracle of the other devices. */
import * as E from '../../base/either.ts'
import { dtypes, type HostArray } from '../../base/dtype.ts'
import { showAval } from '../../base/errors.ts'
import { evaluateWith } from '../../graph/evaluate.ts'
import type { Aval, Expr, Value } from '../../graph/expr.ts'
import { demandClosed } from '../../graph/graph.ts'
import { toposort } from '../../graph/walk.ts'
import { sizeOf } from '../../base/shape.ts'
import { type Device, type DeviceError, DeviceFailure, type Storage } from '../../graph/device.ts'
import { optionsOf } from '../../graph/options.ts'
import type { Blame } from '../blame.ts'
import { demandDistinct } from '../distinct.ts'
import { destroyed, noRoom } from '../failures.ts'
import { HostStorage, keptBytes, type Shelf } from './host-storage.ts'
import { arrayBytes, processMemory } from '../engine/process-memory.ts'
import { noteTaken } from '../engine/turns.ts'

/** Bytes of a value while a program runs, which computes in doubles. */
const computedBytes = (aval: Aval): number => sizeOf(aval.shape) * Float64Array.BYTES_PER_ELEMENT

/** Doubles as the host's array of the dtype: floats rounded to nearest. */
const toHost = ({ dtype, data }: Value): HostArray => {
  const host = dtypes[dtype].allocate(data.length)
  host.set(data)
  return host
}

/** How to open the reference device. */
export interface ReferenceOptions {
  /** Most bytes that tensors may hold: eight for an f32, which is kept in doubles; three quarters of the process's memory unless said otherwise. */
  readonly budget?: number
}

export const referenceDevice = (options: ReferenceOptions = {}): Device => {
  const { budget = processMemory() * 0.75 } = optionsOf('referenceDevice', options, { budget: true })

  const shelf: Shelf = { elements: new WeakMap() }
  let lost: DeviceError | null = null
  let liveBytes = 0
  let peakBytes = 0
  let kernels = 0
  let submits = 0
  let created = 0

  const demandUsable = (): void => {
    if (lost !== null) throw new DeviceFailure(lost)
  }
  /** Doubles are the engine's own memory, and come back without a finalizer; it only keeps the count. */
  const collected = new FinalizationRegistry<number>((bytes) => {
    if (lost === null) liveBytes -= bytes
  })
  const outOfMemory = (bytes: number, blame: Blame, why: string): DeviceFailure =>
    noRoom(bytes, blame, `on the reference device: ${why}`)
  /** Makes `bytes` of arrays, or says why not: over the budget, or refused by the engine. */
  const within = <R>(bytes: number, blame: Blame, make: () => R): R => {
    // The count lags behind what the engine has collected, so that the engine is asked before anything is refused.
    if (liveBytes + bytes > budget && Math.min(liveBytes, arrayBytes()) + bytes > budget)
      throw outOfMemory(bytes, blame, `tensors hold ${liveBytes} bytes of at most ${Math.floor(budget)}`)
    try {
      return make()
    } catch (error) {
      if (error instanceof RangeError && /allocation failed/i.test(error.message))
        throw outOfMemory(bytes, blame, error.message)
      throw error
    }
  }

  const hold = (aval: Aval, values: ArrayLike<number>): Storage => {
    const bytes = keptBytes(aval)
    liveBytes += bytes
    peakBytes = Math.max(peakBytes, liveBytes)
    created++
    noteTaken(bytes)
    const storage = new HostStorage(device, { shape: aval.shape, dtype: aval.dtype }, shelf, values)
    collected.register(storage, bytes, storage)
    return storage
  }
  const drop = (storage: Storage, why: string): void => {
    const mine = own(storage)
    if (!mine.drop(why)) return
    collected.unregister(mine)
    liveBytes -= keptBytes(mine.aval)
  }
  const own = (storage: Storage): HostStorage => {
    if (storage instanceof HostStorage && storage.device === device) return storage
    throw new Error(`this tensor lives on another device (${storage.device.label}); read it there and pass the array`)
  }

  const device: Device = {
    kind: 'reference',
    label: 'double-precision interpreter',
    compile: ({ inputs, outputs, donated }) => {
      demandUsable()
      demandClosed(inputs, outputs)
      const nodes = toposort(outputs).filter((n) => n.prim.lower.kind !== 'leaf')
      const values = nodes.flatMap((n) => n.outs)
      /** Every value lives until the last is computed. */
      const bytes = values.reduce((n, e) => n + computedBytes(e), 0)
      const largest = values.reduce<Expr | null>(
        (most, e) => (most !== null && computedBytes(most) >= computedBytes(e) ? most : e),
        null,
      )
      const blame: Blame =
        largest === null ? { op: 'a program', site: null } : { op: largest.node.prim.name, site: largest.node.site }
      let released = false
      return {
        program: null,
        untimed: () => Promise.resolve('the reference device interprets the graph, and has no program'),
        bytes: 0,
        release: () => {
          released = true
        },
        run: (storages) => {
          demandUsable()
          if (released) throw new Error('this program can no longer run: it was released')
          demandDistinct(donated, storages)
          const given = new Map(
            inputs.map((input, i) => [input, { ...storages[i]!.aval, data: own(storages[i]!).values() }]),
          )
          const values = within(bytes, blame, () => evaluateWith(outputs, given))
          kernels += nodes.length
          submits++
          storages.forEach((s, i) => {
            if (donated[i] === true) drop(s, 'it was donated to a compiled call, which may have overwritten it')
          })
          return values.map((v) => hold(v, v.data))
        },
      }
    },
    upload: (data, aval) => {
      demandUsable()
      const blame = { op: `upload of ${showAval(aval)}`, site: null }
      return within(keptBytes(aval), blame, () => hold(aval, data))
    },
    download: (storage) => () =>
      Promise.resolve(
        E.tryCatch(
          () => toHost({ ...storage.aval, data: own(storage).values() }),
          (cause): DeviceError =>
            lost ?? {
              _tag: 'Validation',
              message: cause instanceof Error ? cause.message : String(cause),
              op: 'read',
              site: '',
            },
        ),
      ),
    release: (storage) => drop(storage, 'it was released'),
    pace: () => Promise.resolve(), // work is done when it is handed over
    stats: () => ({ liveBytes, peakBytes, kernels, submits, created, pipelines: 0 }),
    lost: () => lost,
    destroy: () => {
      lost ??= destroyed('reference')
      shelf.elements = new WeakMap()
      liveBytes = 0
      return Promise.resolve()
    },
  }
  return device
}
