/** What can go wrong on the GPU, as `DeviceError`s that name the operation and where it was written. */
import { type DeviceError, DeviceFailure } from '../../graph/device.ts'

/** The work a failure belongs to. */
export interface Blame {
  readonly op: string
  readonly site: string
}
export const nobody: Blame = { op: 'a program', site: '' }

export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export const lost = (why: string): DeviceError => ({
  _tag: 'DeviceLost',
  message: `the WebGPU device is lost: ${why}. Its tensors are gone; request a new device and upload them again.`,
})

const at = ({ op, site }: Blame): string => (site === '' ? op : `${op} (made at ${site})`)

export const outOfMemory = (bytes: number, blame: Blame, why: string, advice = ''): DeviceError => ({
  _tag: 'OutOfMemory',
  message: `${at(blame)}: no memory${bytes === 0 ? '' : ` for ${bytes} bytes`}: ${why}.${advice} Use smaller batches, donate what is overwritten, or release what is no longer needed.`,
  bytes,
  ...blame,
})

export const invalid = (blame: Blame, why: string): DeviceError => ({
  _tag: 'Validation',
  message: `${at(blame)}: WebGPU rejected it: ${why}`,
  ...blame,
})

/** Something thrown while work was handed to the device. */
export const thrown = (error: unknown, blame: Blame): DeviceError =>
  error instanceof DeviceFailure
    ? error.error
    : { _tag: 'Validation', message: `${at(blame)}: it could not be run: ${reason(error)}`, ...blame }

const fromGpuError = (error: GPUError, bytes: number, blame: Blame): DeviceError =>
  error.constructor.name === 'GPUOutOfMemoryError'
    ? outOfMemory(bytes, blame, error.message)
    : invalid(blame, error.message)

/** The outcome of one submission or upload: null as long as nothing went wrong. Tensors point at the one that made them. */
export interface Outcome {
  error: DeviceError | null
}

/** Errors find the outcome they belong to; those that come late, and belong to none, the next read. */
export interface Faults {
  /** Why the device can no longer be used. */
  lost: DeviceError | null
  /**
   * Runs `work`, of so many bytes where that is known. What it throws, and what the device says of it at once, is the
   * outcome's error, unless it has one already.
   */
  readonly during: (outcome: Outcome, blame: () => Blame, work: () => void, bytes?: number) => void
  /** An error that came late, for the next read to report; once. */
  readonly take: () => DeviceError | null
  readonly report: (error: DeviceError) => void
}

/** `ended` is called once, when the device is lost. */
export const watch = (gpu: GPUDevice, ended: () => void): Faults => {
  let pending: DeviceError | null = null
  let current: GPUError[] | null = null
  const faults: Faults = {
    lost: null,
    during: (outcome, blame, work, bytes = 0) => {
      const outer = current
      const raised: GPUError[] = []
      let failure: { readonly error: unknown } | null = null
      current = raised
      try {
        work()
      } catch (error) {
        failure = { error }
      } finally {
        current = outer
      }
      const first = raised[0]
      if (outcome.error !== null || (first === undefined && failure === null)) return
      const guilty = safely(blame)
      outcome.error =
        faults.lost ?? (first === undefined ? thrown(failure?.error, guilty) : fromGpuError(first, bytes, guilty))
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
    if (current !== null) current.push(event.error)
    else faults.report(fromGpuError(event.error, 0, { op: 'a submitted program', site: '' }))
  })
  void gpu.lost.then(({ reason: why, message }) => {
    faults.lost ??= lost(message === '' ? why : message)
    ended()
  })
  return faults
}

/** Who is to blame, where that can be found out: looking for it tries the work again. */
const safely = (blame: () => Blame): Blame => {
  try {
    return blame()
  } catch {
    return nobody // what it throws is what the work threw
  }
}
