/** Host data to device memory and back. */
import * as E from '../../base/either.ts'
import { type DType, dtypes, type HostArray } from '../../base/dtype.ts'
import { isHalf, packHalves, unpackHalves } from '../../base/rounding.ts'
import { showAval } from '../../base/errors.ts'
import type { Aval } from '../../graph/expr.ts'
import { sizeOf } from '../../base/shape.ts'
import { bytesOf } from '../../base/aval.ts'
import type { DeviceError } from '../../graph/device.ts'
import { type Blame, type Faults, invalid, type Outcome, reason, thrown } from './faults.ts'
import { costOf, type Flight } from './flight.ts'
import { MAP_READ, patiently } from './gpu.ts'
import type { Block, Memory } from './memory.ts'
import type { WorkQueue } from './queue.ts'

/** Elements as the device stores them: in whole words, a bool as a u32. Dawn takes no view of shared memory. */
const toDevice = (data: HostArray, dtype: DType): HostArray | Uint16Array => {
  if (isHalf(dtype)) return packHalves(dtype, data, new Uint16Array(2 * Math.ceil(data.length / 2)))
  const elements = dtype === 'bool' ? Uint32Array.from(data) : data
  return elements.buffer instanceof ArrayBuffer ? elements : elements.slice()
}
const fromDevice = (bytes: ArrayBuffer, { dtype, shape }: Aval): HostArray => {
  const n = sizeOf(shape)
  if (isHalf(dtype)) return unpackHalves(dtype, new Uint16Array(bytes, 0, n))
  const host = dtypes[dtype].allocate(n)
  host.set(
    dtype === 'f32'
      ? new Float32Array(bytes, 0, n)
      : dtype === 'i32'
        ? new Int32Array(bytes, 0, n)
        : new Uint32Array(bytes, 0, n),
  )
  return host
}

export interface Transfer {
  /** A block that will have the data; what is wrong with it shows in `outcome`, in turn. Throws DeviceFailure where there is no memory. */
  readonly write: (data: HostArray, aval: Aval, site: string, outcome: Outcome) => Block
  /** The elements of a block, copied as soon as this is called; `failure` tells, at any time, what is wrong with them. */
  readonly read: (
    aval: Aval,
    block: Block,
    failure: () => DeviceError | null,
  ) => Promise<E.Either<DeviceError, HostArray>>
}

export const createTransfer = (
  gpu: GPUDevice,
  faults: Faults,
  memory: Memory,
  flight: Flight,
  queue: WorkQueue,
): Transfer => ({
  write: (data, aval, site, outcome) => {
    const blame: Blame = { op: `upload of ${showAval(aval)}`, site }
    const bytes = bytesOf(aval)
    const elements = toDevice(data, aval.dtype)
    const block = memory.take(bytes, () => blame)
    try {
      flight.board(bytes, () => blame)
    } catch (error) {
      memory.give(block)
      throw error
    }
    // In turn: work that still waits may use the block. Until then the caller's array may be written to.
    const own = queue.idle() ? elements : elements.slice()
    queue.push(null, () => {
      flight.launch(bytes)
      outcome.error ??= faults.lost
      if (outcome.error !== null) return
      faults.during(
        outcome,
        () => blame,
        () => gpu.queue.writeBuffer(block.buffer, 0, own),
      )
    })
    return block
  },
  read: async (aval, block, failure) => {
    const blame: Blame = { op: `read of ${showAval(aval)}`, site: '' }
    const bytes = bytesOf(aval)
    const failed = faults.lost ?? failure()
    if (failed !== null) return E.left(failed)
    const outcome: Outcome = { error: null }
    let staging: Block | null = null
    try {
      const mapped = (staging = memory.takeStaging(bytes, () => blame))
      flight.boardRead(costOf(1))
      faults.during(
        outcome,
        () => blame,
        () => {
          const encoder = gpu.createCommandEncoder({ label: blame.op })
          encoder.copyBufferToBuffer(block.buffer, 0, mapped.buffer, 0, bytes)
          gpu.queue.submit([encoder.finish()])
        },
      )
      flight.launch(costOf(1))
      const landed = flight.landing()
      await patiently(() => mapped.buffer.mapAsync(MAP_READ, 0, bytes))
      landed()
      const late = faults.lost ?? outcome.error ?? failure() ?? faults.take()
      const host = fromDevice(mapped.buffer.getMappedRange(0, bytes), aval)
      mapped.buffer.unmap()
      memory.giveStaging(mapped)
      return late === null ? E.right(host) : E.left(late)
    } catch (error) {
      if (staging !== null) memory.discardStaging(staging)
      return E.left(
        faults.lost ??
          outcome.error ??
          faults.take() ??
          (staging === null ? thrown(error, blame) : invalid(blame, reason(error))),
      )
    }
  },
})
