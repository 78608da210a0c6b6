/** What can go wrong on the GPU, as `DeviceError`s that name the operation and where it was written. */
import type { DeviceError } from '../device.ts'

/** The work a failure belongs to. */
export interface Blame {
  readonly op: string
  readonly site: string
}

export const lost = (why: string): DeviceError => ({
  _tag: 'DeviceLost',
  message: `the WebGPU device is lost: ${why}. Tensors that lived on it are gone; request a new device and upload them again.`,
})

const at = ({ op, site }: Blame): string => (site === '' ? op : `${op} (made at ${site})`)

export const outOfMemory = (bytes: number, blame: Blame, why: string): DeviceError => ({
  _tag: 'OutOfMemory',
  message: `${at(blame)}: no memory for ${bytes} bytes: ${why}. Use smaller batches, donate what is overwritten, or release what is no longer needed.`,
  bytes,
  ...blame,
})

export const invalid = (blame: Blame, why: string): DeviceError => ({
  _tag: 'Validation',
  message: `${at(blame)}: WebGPU rejected it: ${why}`,
  ...blame,
})

const fromGpuError = (error: GPUError, bytes: number, blame: Blame): DeviceError =>
  error.constructor.name === 'GPUOutOfMemoryError'
    ? outOfMemory(bytes, blame, error.message)
    : invalid(blame, error.message)

/** The outcome of one submission or upload: null as long as nothing went wrong. Tensors point at the one that made them. */
export interface Outcome {
  error: DeviceError | null
}

/** Collects errors that no scope caught: they belong to the outcome that is being made, else to the next read. */
export interface Faults {
  /** Why the device can no longer be used. */
  lost: DeviceError | null
  /** Runs `work`; errors it raises at once are kept in `outcome`. */
  readonly during: (outcome: Outcome, blame: () => Blame, work: () => void) => void
  /** An error that came late, for the next read to report; once. */
  readonly take: () => DeviceError | null
  readonly report: (error: DeviceError) => void
}

export const watch = (gpu: GPUDevice): Faults => {
  let pending: DeviceError | null = null
  let current: ((error: GPUError) => void) | null = null
  const faults: Faults = {
    lost: null,
    during: (outcome, blame, work) => {
      const outer = current
      const raised: GPUError[] = []
      current = (error) => void raised.push(error)
      try {
        work()
      } finally {
        current = outer
      }
      const first = raised[0]
      if (first !== undefined) outcome.error ??= fromGpuError(first, 0, blame())
    },
    take: () => {
      const error = pending
      pending = null
      return error
    },
    report: (error) => {
      pending ??= error
    },
  }
  gpu.addEventListener('uncapturederror', (event) => {
    event.preventDefault() // it is told to the caller, not printed
    if (current !== null) current(event.error)
    else faults.report(fromGpuError(event.error, 0, { op: 'a submitted program', site: '' }))
  })
  void gpu.lost.then(({ reason, message }) => (faults.lost ??= lost(message === '' ? reason : message)))
  return faults
}
