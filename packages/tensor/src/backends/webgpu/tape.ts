/**
 * The commands of a call as they are written: kernels between copies in one pass, all in one command buffer, unless there are
 * more than one should hold.
 */
import type { Bound, Copy, Dispatch } from './steps.ts'
import { encode } from './steps.ts'

export interface Tape {
  readonly dispatch: (dispatch: Dispatch) => void
  /** A dispatch in a pass of its own, or nothing in one, that notes when it begins or ends. */
  readonly noted: (when: GPUComputePassTimestampWrites, dispatch: Dispatch | null) => void
  readonly copy: (copy: Copy) => void
  /** Anything else that an encoder takes between passes. */
  readonly write: (commands: (encoder: GPUCommandEncoder) => void) => void
  /** Whether it is time to submit what there is, before more is written. */
  readonly full: () => boolean
  /** Hands over what was written. */
  readonly submit: () => void
}

/** Most dispatches of one command buffer: the host encodes the next while the device runs one. */
export const MOST = 4096

/** `submitted` is called with the number of kernels in each submission. */
export const createTape = (gpu: GPUDevice, label: string, bound: Bound, submitted: (kernels: number) => void): Tape => {
  let encoder: GPUCommandEncoder | null = null
  let pass: GPUComputePassEncoder | null = null
  let dispatches = 0
  let kernels = 0
  const open = (): GPUCommandEncoder => (encoder ??= gpu.createCommandEncoder({ label }))
  const between = (): GPUCommandEncoder => {
    pass?.end()
    pass = null
    return open()
  }
  const put = (into: GPUComputePassEncoder, dispatch: Dispatch): void => {
    encode(into, dispatch, bound)
    dispatches++
    if (dispatch.counts) kernels++
  }
  return {
    dispatch: (dispatch) => {
      pass ??= open().beginComputePass()
      put(pass, dispatch)
    },
    noted: (when, dispatch) => {
      const apart = between().beginComputePass({ timestampWrites: when })
      if (dispatch !== null) put(apart, dispatch)
      apart.end()
    },
    copy: ({ from, to, bytes }) => {
      const [a, b] = [bound.ranges[from]!, bound.ranges[to]!]
      between().copyBufferToBuffer(a.block.buffer, a.offset, b.block.buffer, b.offset, bytes)
    },
    write: (commands) => commands(between()),
    full: () => dispatches >= MOST,
    submit: () => {
      if (encoder === null) return
      gpu.queue.submit([between().finish()])
      encoder = null
      submitted(kernels)
      dispatches = kernels = 0
    },
  }
}
