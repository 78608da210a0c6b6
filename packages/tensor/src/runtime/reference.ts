/** The reference device: interprets graphs in double precision. Slow, exact, and the oracle of the other devices. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { dtypes, type HostArray } from '../dtype.ts'
import { evaluateWith } from '../evaluate.ts'
import { type Aval, toposort, type Value } from '../expr.ts'
import { sizeOf } from '../shape.ts'
import type { Device, DeviceError, Storage } from './device.ts'
import { HostStorage } from './host-storage.ts'

const bytesOf = (aval: Aval): number => sizeOf(aval.shape) * Float64Array.BYTES_PER_ELEMENT

/** Doubles as the host's array of the dtype: floats rounded to nearest. */
const toHost = ({ dtype, data }: Value): HostArray => {
  const host = dtypes[dtype].allocate(data.length)
  host.set(data)
  return host
}

export const referenceDevice = (): Device => {
  let liveBytes = 0
  let peakBytes = 0
  let kernels = 0
  let submits = 0
  let created = 0

  const hold = (aval: Aval, values: Float64Array): Storage => {
    liveBytes += bytesOf(aval)
    peakBytes = Math.max(peakBytes, liveBytes)
    created++
    return new HostStorage(device, { shape: aval.shape, dtype: aval.dtype }, values)
  }
  const drop = (storage: Storage, why: string): void => {
    if (own(storage).drop(why)) liveBytes -= bytesOf(storage.aval)
  }
  const own = (storage: Storage): HostStorage => {
    if (storage instanceof HostStorage && storage.device === device) return storage
    throw new Error(`this tensor lives on another device (${storage.device.label}); read it there and pass the array`)
  }

  const device: Device = {
    kind: 'reference',
    label: 'double-precision interpreter',
    compile: ({ inputs, outputs, donated }) => {
      const nodes = toposort(outputs).filter((n) => n.prim.lower.kind !== 'leaf').length
      return {
        program: null,
        bytes: 0,
        release: () => undefined,
        run: (storages) => {
          const given = new Map(
            inputs.map((input, i) => [input, { ...storages[i]!.aval, data: own(storages[i]!).values() }]),
          )
          const values = evaluateWith(outputs, given)
          kernels += nodes
          submits++
          storages.forEach((s, i) => {
            if (donated[i] === true) drop(s, 'it was donated to a compiled call, which may have overwritten it')
          })
          return values.map((v) => hold(v, v.data))
        },
      }
    },
    upload: (data, aval) => hold(aval, Float64Array.from(data)),
    download: (storage) =>
      TE.tryCatch(
        () => Promise.resolve().then(() => toHost({ ...storage.aval, data: own(storage).values() })),
        (cause): DeviceError => ({
          _tag: 'Validation',
          message: cause instanceof Error ? cause.message : String(cause),
          op: 'read',
          site: '',
        }),
      ),
    release: (storage) => drop(storage, 'it was released'),
    stats: () => ({ liveBytes, peakBytes, kernels, submits, created, pipelines: 0 }),
    destroy: () => Promise.resolve(),
  }
  return device
}
