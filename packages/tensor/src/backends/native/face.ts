/** What a program sees of the native device. */
import type { LinearDevice } from '../linear/face.ts'

/** How a native device is opened. */
export interface NativeOptions {
  /** Most bytes that the device's memory may have; those of the machine unless said otherwise. */
  readonly memory?: number
  /** Threads that share the work of a kernel: as many as processors unless this, or ADJOINT_THREADS, says otherwise. No result depends on it. */
  readonly threads?: number
  /**
   * Whether products are measured, kind by kind as they come, and cut as is fastest here: off unless this, or ADJOINT_TUNE=on, says
   * otherwise. What was measured is kept on disk. No result depends on it.
   */
  readonly tune?: boolean
}

/** A device of compiled C. */
export type NativeDevice = LinearDevice<'native'>
